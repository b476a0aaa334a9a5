// A more urgent job finds its backend full of less urgent ones, in a worker made of fakes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using test::Harness;

constexpr milliseconds kLong{400};         // Longer than preempt_after.
constexpr milliseconds kStealBound{2000};  // A job that was handed back has no message here.

class Preemption : public testing::Test {
 protected:
    static test::HarnessOptions full(std::size_t slots, bool is_strict = false) {
        return {.slots = slots, .is_preemptible = true, .strict_priority = is_strict};
    }

    // Starts jobs one after the other, so that it is known which started last.
    static std::vector<JobId> start(Harness& h, std::size_t count, Priority priority) {
        std::vector<JobId> jobs;
        for (std::size_t i = 0; i < count; ++i) {
            h.clock.advance(milliseconds(10));
            jobs.push_back(h.submit(Harness::spec(priority)));
            h.run();
            EXPECT_TRUE(h.backend.runs(jobs.back()));
        }
        return jobs;
    }
    static bool was_preempted(const Harness& h, const JobId& job) {
        return std::ranges::any_of(h.backend.aborts(), [&](const auto& abort) {
            return abort.first.job == job && abort.second == backends::AbortReason::kPreempted;
        });
    }
};

TEST_F(Preemption, GivesTheSlotOfTheOneThatStartedLast) {
    Harness h(full(4));
    const auto low = start(h, 4, Priority::kLow);
    const auto urgent = h.submit(Harness::spec(Priority::kHigh));
    h.run_for(milliseconds(200));
    EXPECT_TRUE(h.backend.aborts().empty());
    h.run_for(milliseconds(100));
    EXPECT_TRUE(h.backend.runs(urgent));
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    EXPECT_TRUE(was_preempted(h, low.back()));
    // The job will run again later, and no failure was counted.
    EXPECT_EQ(h.state(low.back()), JobState::kQueued);
    EXPECT_EQ(h.record(low.back()).failures, 0);
    const auto attempt = h.record(low.back()).attempts.front();
    EXPECT_EQ(attempt.outcome, OutcomeKind::kInterrupted);
    EXPECT_EQ(attempt.error_code, "preempted");
    h.backend.complete_all();
    h.run_for(kStealBound);
    EXPECT_TRUE(h.backend.runs(low.back()));
}

TEST_F(Preemption, TakesTheLeastUrgentFirst) {
    Harness h(full(2, true));
    const auto low = start(h, 1, Priority::kLow);
    const auto normal = start(h, 1, Priority::kNormal);
    const auto first = h.submit(Harness::spec(Priority::kHigh));
    h.run_for(kLong);
    EXPECT_TRUE(was_preempted(h, low.front()));
    EXPECT_TRUE(h.backend.runs(first));
    const auto second = h.submit(Harness::spec(Priority::kHigh));
    h.run_for(kLong);
    EXPECT_TRUE(was_preempted(h, normal.front()));
    EXPECT_TRUE(h.backend.runs(second));
}

TEST_F(Preemption, KeepsTheSharesOfTheOthers) {
    Harness h(full(10));
    start(h, 10, Priority::kLow);
    for (int i = 0; i < 20; ++i) h.submit(Harness::spec(Priority::kHigh));
    h.run_for(milliseconds(2000));
    // The high lane is guaranteed six slots; the other four were only lent to it, and stay with the
    // low lane.
    EXPECT_EQ(h.backend.aborts().size(), 6U);
    EXPECT_EQ(h.executor.load().backends[0].held, (std::vector<std::size_t>{6, 0, 4}));
}

TEST_F(Preemption, StrictModeTakesAll) {
    Harness h(full(4, true));
    start(h, 4, Priority::kLow);
    for (int i = 0; i < 5; ++i) h.submit(Harness::spec(Priority::kHigh));
    h.run_for(milliseconds(2000));
    EXPECT_EQ(h.executor.load().backends[0].held, (std::vector<std::size_t>{4, 0, 0}));
}

TEST_F(Preemption, SparesJobsThatHadTheirTurnBeforeTheUrgent) {
    Harness h(full(1));
    start(h, 1, Priority::kHigh);
    for (int i = 0; i < 20; ++i) h.submit(Harness::spec(Priority::kHigh));
    for (int i = 0; i < 20; ++i) h.submit(Harness::spec(Priority::kLow));
    // No lane owns the one slot: lanes take turns, about six to one.
    int low = 0;
    for (int i = 0; i < 14; ++i) {
        h.backend.complete_all();
        h.run_for(milliseconds(50));
        if (h.backend.running().begin()->second.job.spec.priority != Priority::kLow) continue;
        ++low;
        h.run_for(kLong);
        EXPECT_TRUE(h.backend.aborts().empty());
    }
    EXPECT_EQ(low, 2);
}

TEST_F(Preemption, WaitsForASlotThatIsBeingFreed) {
    Harness h(full(4));
    start(h, 4, Priority::kLow);
    h.backend.is_stubborn = true;
    h.submit(Harness::spec(Priority::kHigh));
    h.submit(Harness::spec(Priority::kHigh));
    h.run_for(milliseconds(2000));
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    const auto [victim, reason] = h.backend.aborts().front();
    h.backend.finish(victim, backends::aborted_outcome(reason));
    h.run_for(kLong);
    EXPECT_EQ(h.backend.aborts().size(), 2U);
}

TEST_F(Preemption, SparesJobsThatAreNearlyDone) {
    Harness h(full(2));
    const auto low = start(h, 2, Priority::kLow);
    h.backend.sink().progress(h.backend.key_of(low[1]), 0.95, "");
    h.submit(Harness::spec(Priority::kHigh));
    h.run_for(kLong);
    EXPECT_TRUE(was_preempted(h, low[0]));
    EXPECT_FALSE(was_preempted(h, low[1]));
}

TEST_F(Preemption, NoJobGivesWayMoreThanThreeTimes) {
    Harness h(full(1));
    const auto low = h.submit(Harness::spec(Priority::kLow));
    h.run();
    for (int i = 0; i < 5; ++i) {
        const auto urgent = h.submit(Harness::spec(Priority::kHigh));
        h.run_for(kLong);
        EXPECT_EQ(h.backend.runs(urgent), i < 3);
        if (i == 3) break;
        h.backend.complete_all();
        h.run_for(kStealBound);
        ASSERT_TRUE(h.backend.runs(low));
    }
    EXPECT_EQ(h.backend.aborts().size(), 3U);
    h.backend.complete_all();
    h.run();
    EXPECT_EQ(h.state(low), JobState::kCompleted);
}

TEST_F(Preemption, MakesRoomForAJobWhoseSpecHasToBeRead) {
    Harness h(full(2));
    start(h, 2, Priority::kLow);
    const auto urgent = h.submit_silently(Harness::spec(Priority::kHigh));
    h.subscriber.add(h.topics.jobs("default", Priority::kHigh),
                     wire::encode(wire::Dispatch{.job = urgent, .spec = {}}));
    h.run_for(kLong);
    EXPECT_TRUE(h.backend.runs(urgent));
}

TEST_F(Preemption, BackendsThatRunBatchesAreLeftAlone) {
    Harness h({.slots = 4});
    start(h, 4, Priority::kLow);
    h.submit(Harness::spec(Priority::kHigh));
    h.run_for(milliseconds(2000));
    EXPECT_TRUE(h.backend.aborts().empty());
}

}  // namespace
}  // namespace millrace::execute
