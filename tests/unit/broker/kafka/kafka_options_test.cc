// Options that need no broker to be tested: port 1 of this machine refuses connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/broker/kafka/kafka_broker.h"

namespace millrace::broker {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNobody = "127.0.0.1:1";

void expect_refused(std::vector<std::string> extra, const std::string& reason) {
    const auto broker = kafka::make_kafka_broker({.bootstrap = kNobody, .extra = std::move(extra)});
    ASSERT_FALSE(broker.has_value());
    EXPECT_EQ(broker.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(broker.error().message, HasSubstr(reason));
    EXPECT_THAT(broker.error().message, Not(HasSubstr("secret")));
}

TEST(KafkaOptions, RefuseUnknownPropertiesAndShowNoSecrets) {
    expect_refused({"sasl.passwort=secret"}, "sasl.passwort");
    expect_refused({"security.protocol=secret"}, "security.protocol");
    expect_refused({"security.protocol=ssl", "ssl.key.password=secret", "ssl.ca.location=/none"},
                   "ssl.ca.location");
    expect_refused({"secret"}, "key=value");
    expect_refused({"=secret"}, "key=value");
}

TEST(KafkaOptions, TakeAdditionalProperties) {
    EXPECT_TRUE(kafka::make_kafka_broker({.bootstrap = kNobody, .extra = {"client.rack=a=b"}}));
}

TEST(KafkaBroker, EnsuringTopicsFailsWithoutAReachableBroker) {
    const auto broker = kafka::make_kafka_broker({.bootstrap = kNobody}).value();
    const auto made = broker->ensure_topics({{"topic", 1}}, 100ms);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kUnavailable);
}

TEST(KafkaBroker, TakesMessagesFromTheFrontUntilItsBufferIsFull) {
    const auto broker =
        kafka::make_kafka_broker({.bootstrap = kNobody, .buffer_messages_max = 10}).value();
    const auto publisher = broker->make_publisher();
    const std::vector<OutgoingMessage> messages(7, {"topic", "", "value"});
    EXPECT_EQ(publisher->publish(messages), 7U);
    EXPECT_EQ(publisher->publish(messages), 3U);
    EXPECT_EQ(publisher->publish(messages), 0U);
}

TEST(KafkaBroker, SubscribersWithoutAReachableBrokerDeliverNothing) {
    const auto broker = kafka::make_kafka_broker({.bootstrap = kNobody}).value();
    const auto member = broker->subscribe("group", {"topic"});
    const auto tail = broker->tail({"topic"});
    EXPECT_TRUE(member->poll(1, 1ms).empty());
    EXPECT_TRUE(tail->poll(1, 1ms).empty());
}

}  // namespace
}  // namespace millrace::broker
