// What every Broker promises (common/broker/broker.h), on each kind of broker. Topics and groups
// are new in each test; the tests share the servers, one test after the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/broker/broker_conformance.h"

namespace millrace::test {
namespace {

using namespace std::chrono_literals;
using broker::IncomingMessage;
using testing::AnyOf;
using testing::Each;
using testing::StartsWith;

TEST_P(BrokerConformance, DeliversWhatIsPublishedToEachTopic) {
    const auto first = make_topic();
    const auto second = make_topic();
    auto wanted = publish(first, "a", 150);
    wanted.merge(publish(second, "b", 150));

    Reader reader(broker_->subscribe(unique("group"), {first, second}));
    ASSERT_TRUE(reader.gets(wanted));
    EXPECT_EQ(reader.values(), wanted);
    for (const auto& message : reader.messages()) {
        EXPECT_EQ(message.topic, message.value.front() == 'a' ? first : second);
    }
}

TEST_P(BrokerConformance, DeliversNoMoreThanAskedFor) {
    const auto topic = make_topic();
    publish(topic, "m", 50);
    const auto subscriber = broker_->subscribe(unique("group"), {topic});
    std::size_t delivered = 0;
    EXPECT_TRUE(eventually(
        [&] {
            const auto count = subscriber->poll(7, 20ms).size();
            EXPECT_LE(count, 7U);
            delivered += count;
            return delivered == 50;
        },
        "all messages delivered", kDeadline));
}

TEST_P(BrokerConformance, KeepsTheOrderOfMessagesWithTheSameKey) {
    const auto topic = make_topic(4);
    std::vector<std::string> wanted;
    for (int i = 0; i < 100; ++i) {
        wanted.push_back(std::to_string(i));
        ASSERT_EQ(publisher_->publish({{topic, "key", wanted.back()}}), 1U);
    }
    Reader reader(broker_->subscribe(unique("group"), {topic}));
    ASSERT_TRUE(reader.gets({wanted.begin(), wanted.end()}));
    std::vector<std::string> order;
    for (const auto& message : reader.messages()) order.push_back(message.value);
    EXPECT_EQ(order, wanted);
}

TEST_P(BrokerConformance, RedeliversUnfinishedMessages) {
    const auto topic = make_topic(2);
    const auto group = unique("group");
    const auto all = publish(topic, "m", 60);
    Values done;
    {
        Reader reader(broker_->subscribe(group, {topic}));
        ASSERT_TRUE(reader.gets(all));
        // Holds the first half of each partition.
        std::map<std::int32_t, std::vector<IncomingMessage>> partitions;
        for (const auto& message : reader.messages()) {
            partitions[message.partition].push_back(message);
        }
        for (const auto& [number, messages] : partitions) {
            for (std::size_t i = 0; i < messages.size() / 2; ++i) done.insert(messages[i].value);
            if (messages.size() < 2) continue;
            const auto& last = messages[messages.size() / 2 - 1];
            reader.subscriber().done(topic, number, last.offset);
        }
    }
    Values rest;
    std::set_difference(all.begin(), all.end(), done.begin(), done.end(),
                        std::inserter(rest, rest.end()));
    ASSERT_FALSE(done.empty());
    Reader again(broker_->subscribe(group, {topic}));
    ASSERT_TRUE(again.gets(rest));
    EXPECT_EQ(again.values(), rest);
}

TEST_P(BrokerConformance, IgnoresFinishedMessagesOnPartitionsOfOthers) {
    const auto topic = make_topic();
    Reader reader(broker_->subscribe(unique("group"), {topic}));
    reader.subscriber().done(topic, 0, 1'000'000);
    reader.subscriber().done("no such topic", 7, 3);
    EXPECT_TRUE(reader.gets(publish(topic, "m", 10)));
}

TEST_P(BrokerConformance, PausesOneTopicAndLosesNothing) {
    const auto paused = make_topic();
    const auto flowing = make_topic();
    Reader reader(broker_->subscribe(unique("group"), {paused, flowing}));
    auto first = publish(paused, "p", 20);
    first.merge(publish(flowing, "f", 20));
    ASSERT_TRUE(reader.gets(first));

    reader.subscriber().pause(paused);
    reader.subscriber().pause(paused);
    const auto held_back = publish(paused, "held", 20);
    publisher_->flush(kTimeout);
    ASSERT_TRUE(reader.gets(publish(flowing, "more", 20)));
    for (const auto& value : held_back) EXPECT_FALSE(reader.values().contains(value)) << value;

    reader.subscriber().resume(paused);
    reader.subscriber().resume(paused);
    EXPECT_TRUE(reader.gets(held_back));
    EXPECT_EQ(reader.messages().size(), 80U) << "each of them once";
}

TEST_P(BrokerConformance, StaysPausedWhileMembersComeAndGo) {
    const auto topic = make_topic(4);
    const auto group = unique("group");
    Reader stayer(broker_->subscribe(group, {topic}));
    ASSERT_TRUE(stayer.gets(publish(topic, "first", 8)));
    stayer.done_with_all();
    stayer.subscriber().pause(topic);
    const auto before = stayer.messages().size();
    {
        Reader visitor(server().connect()->subscribe(group, {topic}));
        const auto visitor_works = [&] {
            publish(topic, unique("m") + "-", 8);
            stayer.poll();
            visitor.poll();
            return !visitor.values().empty();
        };
        ASSERT_TRUE(eventually(visitor_works, "the visitor gets messages", kDeadline));
        EXPECT_EQ(stayer.messages().size(), before);
    }
    stayer.subscriber().resume(topic);
    EXPECT_TRUE(stayer.gets(publish(topic, "last", 8)));
}

TEST_P(BrokerConformance, TailsOnlyWhatIsPublishedFromThenOn) {
    const auto topic = make_topic();
    const auto old = publish(topic, "old", 30);
    publisher_->flush(kTimeout);

    Reader first(broker_->tail({topic}));
    Reader second(broker_->tail({topic}));
    const auto both_see = [&] {
        publish(topic, unique("mark") + "-", 1);
        first.poll();
        second.poll();
        return !first.values().empty() && !second.values().empty();
    };
    ASSERT_TRUE(eventually(both_see, "the tails have begun", kDeadline));

    const auto wanted = publish(topic, "new", 30);
    EXPECT_TRUE(first.gets(wanted));
    EXPECT_TRUE(second.gets(wanted));
    EXPECT_THAT(first.values(), Each(AnyOf(StartsWith("mark"), StartsWith("new"))));
    EXPECT_THAT(second.values(), Each(AnyOf(StartsWith("mark"), StartsWith("new"))));
}

TEST_P(BrokerConformance, TailsATopicFromItsStartThatIsMadeLater) {
    const auto existing = make_topic();
    const auto later = unique("later");
    // The order matters: once it sees a message of the second topic, it has looked for the first.
    Reader reader(broker_->tail({later, existing}));
    ASSERT_TRUE(eventually(
        [&] {
            publish(existing, unique("mark") + "-", 1);
            reader.poll();
            return !reader.values().empty();
        },
        "the tail has begun", kDeadline));
    ASSERT_TRUE(broker_->ensure_topics({{later, 2}}, kTimeout).has_value());
    EXPECT_TRUE(reader.gets(publish(later, "new", 10)));
}

TEST_P(BrokerConformance, SubscribesToATopicThatIsMadeLater) {
    const auto existing = make_topic();
    const auto later = unique("later");
    Reader reader(broker_->subscribe(unique("group"), {existing, later}));
    ASSERT_TRUE(reader.gets(publish(existing, "m", 10)));
    ASSERT_TRUE(broker_->ensure_topics({{later, 2}}, kTimeout).has_value());
    EXPECT_TRUE(reader.gets(publish(later, "new", 10)));
}

TEST_P(BrokerConformance, LeavesTopicsThatExistAsTheyAre) {
    const auto topic = make_topic(2);
    const auto wanted = publish(topic, "m", 10);
    for (int i = 0; i < 2; ++i) {
        const auto made = broker_->ensure_topics({{topic, 2}, {unique("other"), 1}}, kTimeout);
        ASSERT_TRUE(made.has_value()) << made.error().message;
    }
    Reader reader(broker_->subscribe(unique("group"), {topic}));
    EXPECT_TRUE(reader.gets(wanted));
}

TEST_P(BrokerConformance, RecoversFromABrokerThatLostEverything) {
    const auto topic = make_topic();
    Reader member(broker_->subscribe(unique("group"), {topic}));
    Reader tail(broker_->tail({topic}));
    ASSERT_TRUE(member.gets(publish(topic, "before", 50)));
    member.done_with_all();

    server().kill();
    publisher_->publish(messages_to(topic, "during", 10));
    EXPECT_FALSE(broker_->ensure_topics({{topic, 2}}, 100ms).has_value());
    member.poll();
    tail.poll();
    server().restart_empty();

    Values after;
    const auto all_work_again = [&] {
        if (!broker_->ensure_topics({{topic, 2}}, kTimeout).has_value()) return false;
        after.merge(publish(topic, unique("after") + "-", 5));
        member.poll();
        tail.poll();
        const auto is_new = [&](const auto& value) { return after.contains(value); };
        return std::any_of(member.values().begin(), member.values().end(), is_new) &&
               std::any_of(tail.values().begin(), tail.values().end(), is_new);
    };
    ASSERT_TRUE(eventually(all_work_again, "messages flow again", kDeadline));
    // From now on nothing is lost.
    const auto last = publish(topic, "last", 50);
    EXPECT_TRUE(member.gets(last));
    EXPECT_TRUE(tail.gets(last));
}

// The test passes if it ends: ctest kills a test that hangs.
TEST_P(BrokerConformance, EndsWhileTheBrokerIsAway) {
    const auto topic = make_topic();
    auto member = std::make_unique<Reader>(broker_->subscribe(unique("group"), {topic}));
    auto tail = std::make_unique<Reader>(broker_->tail({topic}));
    ASSERT_TRUE(member->gets(publish(topic, "m", 50)));
    member->done_with_all();

    server().kill();
    publish(topic, "lost", 50);
    publisher_->flush(100ms);
    member->subscriber().close();
    member.reset();
    tail.reset();
    publisher_.reset();
    broker_.reset();
    server().restart_empty();
}

INSTANTIATE_TEST_SUITE_P(All, BrokerConformance,
                         testing::Values(BrokerKind::kMemory, BrokerKind::kMockCluster,
                                         BrokerKind::kApacheKafka),
                         [](const auto& test) { return std::string(name(test.param)); });

}  // namespace
}  // namespace millrace::test
