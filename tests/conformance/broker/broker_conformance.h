// What the tests of brokers share: readers, topics and groups that are new in each test. The tests
// share the servers, one test after the other.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/broker/broker_server.h"
#include "tests/support/eventually.h"

namespace millrace::test {

using Values = std::set<std::string>;

// Allows for work that takes a second on an idle machine, and for rebalances of the mock cluster:
// 3 s each.
inline constexpr auto kDeadline = std::chrono::seconds(90);
inline constexpr auto kTimeout = std::chrono::seconds(30);

inline std::vector<broker::OutgoingMessage> messages_to(const std::string& topic,
                                                        const std::string& prefix, int count) {
    std::vector<broker::OutgoingMessage> messages;
    for (int i = 0; i < count; ++i) messages.push_back({topic, "", prefix + std::to_string(i)});
    return messages;
}

inline Values values_of(const std::vector<broker::OutgoingMessage>& messages) {
    Values values;
    for (const auto& message : messages) values.insert(message.value);
    return values;
}

// A subscriber, and all that it has delivered so far.
class Reader {
 public:
    explicit Reader(std::unique_ptr<broker::Subscriber> subscriber)
        : subscriber_(std::move(subscriber)) {}

    broker::Subscriber& subscriber() { return *subscriber_; }
    const Values& values() const { return values_; }
    const std::vector<broker::IncomingMessage>& messages() const { return messages_; }

    void poll() {
        for (auto& message : subscriber_->poll(100, milliseconds(20))) {
            values_.insert(message.value);
            messages_.push_back(std::move(message));
        }
    }
    void done_with_all() {
        for (const auto& message : messages_) {
            subscriber_->done(message.topic, message.partition, message.offset);
        }
    }
    testing::AssertionResult gets(const Values& wanted) {
        return eventually(
            [&] {
                poll();
                return std::includes(values_.begin(), values_.end(), wanted.begin(), wanted.end());
            },
            "all messages delivered", kDeadline);
    }

 private:
    std::unique_ptr<broker::Subscriber> subscriber_;
    Values values_;
    std::vector<broker::IncomingMessage> messages_;
};

class BrokerConformance : public testing::TestWithParam<BrokerKind> {
 protected:
    BrokerConformance() : broker_(server().connect()), publisher_(broker_->make_publisher()) {}

    static BrokerServer& server() { return shared_server(GetParam()); }

    // Returns a name that no other test uses.
    static std::string unique(const std::string& stem) {
        static int count = 0;
        return stem + "-" + std::to_string(++count);
    }

    std::string make_topic(int partitions = 2) {
        auto name = unique("topic");
        const auto made = broker_->ensure_topics({{name, partitions}}, kTimeout);
        EXPECT_TRUE(made.has_value()) << made.error().message;
        return name;
    }

    Values publish(const std::string& topic, const std::string& prefix, int count) {
        const auto messages = messages_to(topic, prefix, count);
        EXPECT_EQ(publisher_->publish(messages), messages.size());
        return values_of(messages);
    }

    std::unique_ptr<broker::Broker> broker_;
    std::unique_ptr<broker::Publisher> publisher_;
};

}  // namespace millrace::test
