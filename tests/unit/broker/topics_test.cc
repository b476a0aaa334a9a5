#include <gtest/gtest.h>

#include "common/broker/broker.h"

namespace millrace::broker {
namespace {

TEST(Topics, AreNamedAfterPrefixQueueAndPriority) {
    const Topics topics("mill");
    EXPECT_EQ(topics.jobs("sdxl", Priority::kHigh), "mill.jobs.sdxl.high");
    EXPECT_EQ(topics.events(), "mill.events");
    EXPECT_EQ(topics.control(), "mill.control");
}

TEST(Topics, HaveAChannelEach) {
    const Topics topics("mill.events");
    EXPECT_EQ(Topics::channel(topics.jobs("control", Priority::kLow)), "jobs");
    EXPECT_EQ(Topics::channel(topics.events()), "events");
    EXPECT_EQ(Topics::channel(topics.control()), "control");
}

}  // namespace
}  // namespace millrace::broker
