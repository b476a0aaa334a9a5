// The members of a group, on each kind of broker; the suite is instantiated in broker_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/conformance/broker/broker_conformance.h"

namespace millrace::test {
namespace {

using namespace std::chrono_literals;
using broker::Subscriber;
using testing::Each;
using testing::StartsWith;

TEST_P(BrokerConformance, SharesATopicAmongTheMembersOfAGroup) {
    const auto topic = make_topic(4);
    const auto group = unique("group");
    const auto other_process = server().connect();
    Reader first(broker_->subscribe(group, {topic}));
    Reader second(other_process->subscribe(group, {topic}));

    Values wanted;
    const auto both_work = [&] {
        wanted.merge(publish(topic, unique("m") + "-", 8));
        first.poll();
        second.poll();
        return !first.values().empty() && !second.values().empty();
    };
    ASSERT_TRUE(eventually(both_work, "both members get messages", kDeadline));
    const auto all_delivered = [&] {
        first.poll();
        second.poll();
        auto together = first.values();
        together.insert(second.values().begin(), second.values().end());
        return together == wanted;
    };
    EXPECT_TRUE(eventually(all_delivered, "all messages delivered", kDeadline));
}

TEST_P(BrokerConformance, GivesTheWorkOfAMemberThatClosesToTheOthers) {
    const auto topic = make_topic(4);
    const auto group = unique("group");
    auto leaver = std::make_unique<Reader>(broker_->subscribe(group, {topic}));
    ASSERT_TRUE(leaver->gets(publish(topic, "old", 20)));
    leaver->done_with_all();
    leaver->subscriber().close();
    leaver.reset();

    Reader heir(broker_->subscribe(group, {topic}));
    EXPECT_TRUE(heir.gets(publish(topic, "new", 20)));
    EXPECT_THAT(heir.values(), Each(StartsWith("new")));
}

// librdkafka 2.0.2 aborts if a member is destroyed between its join and its first assignment.
TEST_P(BrokerConformance, AMemberMayEndAtAnyMoment) {
    constexpr int kMembers = 40;
    constexpr std::size_t kAlive = 4;
    const auto topic = make_topic(4);
    const auto group = unique("group");
    std::vector<std::unique_ptr<Subscriber>> members;
    std::vector<std::future<void>> ends;
    for (int i = 0; i < kMembers; ++i) {
        members.push_back(broker_->subscribe(group, {topic}));
        for (const auto& member : members) member->poll(1, 15ms);
        if (members.size() < kAlive) continue;
        const auto ending = members.begin() + i % static_cast<int>(kAlive);
        if (i % 2 == 0) (*ending)->close();  // As a worker that drains.
        ends.push_back(std::async(std::launch::async,
                                  [member = std::move(*ending)]() mutable { member.reset(); }));
        members.erase(ending);
    }
    const auto wanted = publish(topic, "m", 50);
    Values got;
    EXPECT_TRUE(eventually(
        [&] {
            for (const auto& member : members) {
                for (auto& message : member->poll(100, 20ms)) got.insert(message.value);
            }
            return got == wanted;
        },
        "all messages delivered", kDeadline));
}

}  // namespace
}  // namespace millrace::test
