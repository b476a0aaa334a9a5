#include "common/broker/kafka/doorbell.h"

#include <gtest/gtest.h>

#include "common/runtime/thread.h"

namespace millrace::broker {
namespace {

TEST(Doorbell, WakesAWaiterOnceForRingsFromBefore) {
    kafka::Doorbell doorbell;
    doorbell.ring();
    doorbell.ring();
    EXPECT_TRUE(doorbell.wait(MonoTime::max()));
    EXPECT_FALSE(doorbell.wait(MonoTime::min()));
}

TEST(Doorbell, WakesAWaiterFromAnotherThread) {
    kafka::Doorbell doorbell;
    const runtime::Thread ringer("ringer", [&](const std::stop_token&) { doorbell.ring(); });
    EXPECT_TRUE(doorbell.wait(MonoTime::max()));
}

}  // namespace
}  // namespace millrace::broker
