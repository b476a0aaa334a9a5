// The hub and its sources: the events topic, the prober, this gateway's own announcements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/events/announcer.h"
#include "producer/events/event_hub.h"
#include "producer/events/event_reader.h"
#include "producer/events/prober.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::events {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = service::JobNotice::Kind;

class EventsTest : public testing::Test {
 protected:
    JobId new_id() { return JobId(ids_.next(milliseconds(1))); }

    std::unique_ptr<service::Subscription> watch(JobId job) {
        return hub_.watch(job,
                          [this](const service::JobNotice& notice) { notices_.push_back(notice); });
    }
    void deliver(std::vector<wire::Event> events) {
        incoming_.push_back(wire::encode(events));
        reader_.step(milliseconds(0));
    }
    static wire::Event partial(JobId job, Epoch epoch, std::uint32_t sequence) {
        return {{job, epoch}, sequence, wire::Partial{std::to_string(sequence)}};
    }
    std::vector<Kind> kinds() const {
        std::vector<Kind> kinds;
        for (const auto& notice : notices_) kinds.push_back(notice.kind);
        return kinds;
    }

    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    EventHub hub_{2};
    std::deque<std::string> incoming_;
    EventReader reader_{std::make_unique<test::ScriptedSubscriber>(incoming_), hub_};
    std::vector<service::JobNotice> notices_;
};

TEST_F(EventsTest, AWatcherReceivesWhatHappens) {
    const auto job = new_id();
    const auto subscription = watch(job);
    deliver({{{job, 1}, 0, wire::Started{"gpu-7"}},
             partial(job, 1, 1),
             {{job, 1}, 2, wire::Progress{0.5, "half"}},
             {{job, 1}, 3, wire::Requeued{JobState::kScheduled}},
             {{job, 2}, 1, wire::Finished{JobState::kFailed}},
             partial(new_id(), 1, 1)});
    EXPECT_THAT(kinds(), ElementsAre(Kind::kStarted, Kind::kPartial, Kind::kProgress,
                                     Kind::kRequeued, Kind::kFinished));
    EXPECT_EQ(notices_[0].text, "gpu-7");
    EXPECT_EQ(notices_[1].text, "1");
    EXPECT_EQ(notices_[2].fraction, 0.5);
    EXPECT_EQ(notices_[3].state, JobState::kScheduled);
    EXPECT_EQ(notices_[4].state, JobState::kFailed);
    EXPECT_EQ(notices_[4].epoch, 2);
}

TEST_F(EventsTest, LowerEpochsAndDuplicatesAreDropped) {
    const auto job = new_id();
    const auto subscription = watch(job);
    deliver({partial(job, 2, 1), partial(job, 2, 1), partial(job, 1, 9), partial(job, 2, 2),
             partial(job, 3, 0)});
    std::vector<std::pair<Epoch, std::uint32_t>> seen;
    for (const auto& notice : notices_) seen.emplace_back(notice.epoch, notice.sequence);
    EXPECT_THAT(seen, ElementsAre(std::pair(2, 1U), std::pair(2, 2U), std::pair(3, 0U)));
}

TEST_F(EventsTest, TheEndGetsThroughOnceWhateverItsEpoch) {
    const auto job = new_id();
    const auto subscription = watch(job);
    const wire::Event end{{job, 0}, 0, wire::Finished{JobState::kCancelled}};
    deliver({partial(job, 2, 1), end, end, partial(job, 3, 1)});
    EXPECT_THAT(kinds(), ElementsAre(Kind::kPartial, Kind::kFinished));
}

TEST_F(EventsTest, NothingIsDeliveredAfterTheSubscriptionEnded) {
    const auto job = new_id();
    auto subscription = watch(job);
    const auto other = watch(job);
    subscription.reset();
    deliver({partial(job, 1, 1)});
    EXPECT_THAT(notices_, SizeIs(1));
}

TEST_F(EventsTest, WatchersAreBoundedAndMakeRoom) {
    auto first = watch(new_id());
    const auto second = watch(new_id());
    EXPECT_FALSE(watch(new_id()));
    first.reset();
    EXPECT_TRUE(watch(new_id()));
}

TEST_F(EventsTest, ASubscriptionMayOutliveTheHub) {
    auto hub = std::make_unique<EventHub>(1);
    const auto subscription = hub->watch(new_id(), [](const service::JobNotice&) {});
    hub.reset();
    EXPECT_TRUE(subscription);
}

TEST_F(EventsTest, MalformedMessagesAreSkipped) {
    const auto job = new_id();
    const auto subscription = watch(job);
    incoming_ = {"\xff\xff", wire::encode(std::vector{partial(job, 1, 1)})};
    reader_.step(milliseconds(0));
    EXPECT_THAT(notices_, SizeIs(1));
}

TEST_F(EventsTest, AnnouncementsReachWatchersHereAndElsewhere) {
    test::RecordingPublisher publisher;
    Announcer announcer(broker::Topics("t"), publisher, hub_);
    const auto job = new_id();
    const auto subscription = watch(job);
    announcer.finished({{{job, 4}, JobState::kExpired}});
    EXPECT_THAT(kinds(), ElementsAre(Kind::kFinished));
    const auto values = publisher.values_of("t.events");
    ASSERT_THAT(values, SizeIs(1));
    const auto events = wire::decode_events(values[0]).value();
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].key, (AttemptKey{job, 4}));
    EXPECT_EQ(std::get<wire::Finished>(events[0].what).state, JobState::kExpired);
}

class ProberTest : public EventsTest {
 protected:
    ProberTest() { (void)memory_.queue_register({"default"}); }

    JobId insert() {
        const auto job = test::new_job(new_id(), test::a_spec());
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }

    test::ManualClock clock_;
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    Prober prober_{store_, hub_, 500};
};

TEST_F(ProberTest, FindsTheEndWhoseEventWasLost) {
    const auto job = insert();
    const auto subscription = watch(job);
    prober_.step();
    EXPECT_THAT(notices_, IsEmpty());
    ASSERT_TRUE(memory_.job_cancel({job}).has_value());
    prober_.step();
    ASSERT_THAT(kinds(), ElementsAre(Kind::kFinished));
    EXPECT_EQ(notices_[0].state, JobState::kCancelled);
}

TEST_F(ProberTest, AsksOnceForAllAndNotForThoseThatEnded) {
    const auto one = insert();
    const auto first = watch(one);
    const auto second = watch(insert());
    ASSERT_TRUE(memory_.job_cancel({one}).has_value());
    prober_.step();
    prober_.step();
    EXPECT_EQ(store_.calls("job_get"), 2);
    EXPECT_THAT(hub_.awaited(), SizeIs(1));
    EXPECT_THAT(notices_, SizeIs(1));
}

TEST_F(ProberTest, AsksNothingIfNobodyWaits) {
    prober_.step();
    EXPECT_EQ(store_.calls("job_get"), 0);
}

TEST_F(ProberTest, TriesAgainAfterAFailedRead) {
    const auto job = insert();
    const auto subscription = watch(job);
    ASSERT_TRUE(memory_.job_cancel({job}).has_value());
    store_.fail_before("job_get", ErrorCode::kUnavailable);
    prober_.step();
    EXPECT_THAT(notices_, IsEmpty());
    prober_.step();
    EXPECT_THAT(notices_, SizeIs(1));
}

}  // namespace
}  // namespace millrace::events
