#include "common/embedded/mock_broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/broker_fixtures.h"

namespace millrace::embedded {
namespace {

using testing::StartsWith;

TEST(MockBroker, NamesItsAddressWhenStarted) {
    test::MockBrokerFixture broker;
    EXPECT_TRUE(broker.server().running());
    EXPECT_THAT(broker.bootstrap(), StartsWith("127.0.0.1:"));
}

TEST(MockBroker, ComesBackOnTheSamePort) {
    test::MockBrokerFixture broker;
    const std::string bootstrap = broker.bootstrap();
    broker.server().kill();
    EXPECT_FALSE(broker.server().running());
    ASSERT_TRUE(broker.server().restart().has_value());
    EXPECT_EQ(broker.bootstrap(), bootstrap);
}

}  // namespace
}  // namespace millrace::embedded
