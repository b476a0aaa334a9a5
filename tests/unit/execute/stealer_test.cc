// Stealing in a worker made of fakes.
#include "worker/execute/stealer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;
using test::Harness;
using testing::ElementsAre;
using testing::SizeIs;

TEST(Stealer, AnIdleWorkerFindsAJobWithoutAMessageWithinTheBound) {
    Harness h;
    h.run();
    for (int i = 0; i < 20; ++i) {
        h.run_for(milliseconds(130));
        const auto job = h.submit_silently(Harness::spec(Priority::kLow));
        h.run_for(seconds(2));
        ASSERT_TRUE(h.backend.runs(job)) << "round " << i;
        h.backend.complete_all();
    }
}

TEST(Stealer, ProbesRarelyWhileThereIsNothing) {
    Harness h;
    h.run();
    const auto before = h.store.calls("job_steal");
    h.run_for(seconds(60));
    const auto probes = h.store.calls("job_steal") - before;
    EXPECT_GE(probes, 3 * 60 / 2);
    EXPECT_LE(probes, 3 * 60 * 3 / 2);
}

// Sends a hint as a gateway's keeper does.
void send_hint(Harness& h) {
    wire::LaneHints hint{.measured_at = h.memory.database_time(),
                         .interval = seconds(1),
                         .is_complete = true,
                         .lanes = {}};
    for (const auto& lane : *h.memory.lane_ages(1000)) {
        hint.lanes.push_back({lane.queue, lane.priority, lane.model, lane.oldest});
    }
    h.hints.take(hint);
}

TEST(Stealer, AsksNothingWhileHintsSayThatThereIsNothing) {
    Harness h;
    send_hint(h);
    h.run();
    const auto before = h.store.calls("job_steal");
    for (int i = 0; i < 60; ++i) {
        h.run_for(seconds(1));
        send_hint(h);
    }
    EXPECT_EQ(h.store.calls("job_steal"), before);
}

TEST(Stealer, AnIdleWorkerFindsAJobWithinTheBoundWithHintsToo) {
    Harness h;
    h.run();
    JobId job;
    MonoTime submitted;
    for (int step = 0; step < 400; ++step) {
        if (step % 20 == 0) send_hint(h);  // Once a second.
        if (job == JobId()) {
            job = h.submit_silently(Harness::spec(Priority::kLow));
            submitted = h.clock.now();
        }
        h.run_for(milliseconds(50));
        if (h.backend.runs(job)) {
            h.backend.complete_all();
            // Each time, it is another moment between two hints.
            h.run_for(milliseconds(50 * (step % 7)));
            job = JobId();
        } else {
            ASSERT_LE(h.clock.now() - submitted, seconds(2)) << "step " << step;
        }
    }
}

TEST(Stealer, LooksForItselfWithinTheBoundOnceHintsStop) {
    Harness h;
    h.run();
    for (int i = 0; i < 20; ++i) {
        send_hint(h);
        const auto job = h.submit_silently(Harness::spec(Priority::kLow));
        h.run_for(seconds(2));
        ASSERT_TRUE(h.backend.runs(job)) << "round " << i;
        h.backend.complete_all();
        h.run_for(milliseconds(50 * i));
    }
}

TEST(Stealer, DrainsABacklogWithoutAnyMessage) {
    Harness h({.slots = 4});
    std::vector<JobId> jobs;
    for (int i = 0; i < 100; ++i) jobs.push_back(h.submit_silently());
    h.run();
    h.run_for(seconds(2));
    // It steals as fast as slots become free, not one full worker a period.
    for (int i = 0; i < 40; ++i) {
        h.backend.complete_all();
        h.run_for(milliseconds(50));
    }
    for (const auto& job : jobs) EXPECT_EQ(h.state(job), JobState::kCompleted);
}

TEST(Stealer, ABusyWorkerStealsJobsOlderThanItsLane) {
    Harness h({.slots = 1});
    h.run();
    const auto lost = h.submit_silently();
    for (int i = 0; i < 60; ++i) {
        h.submit();
        h.submit();
        h.backend.complete_all();
        h.run_for(milliseconds(100));
        if (h.backend.runs(lost)) break;
    }
    EXPECT_TRUE(h.backend.runs(lost) || h.ended(lost) > 0);
    EXPECT_GT(h.lanes.waiting(1), 0U);  // The theft did not wait until the worker was idle.
}

TEST(Stealer, LeavesTheBacklogOfABusyLaneToItsMessages) {
    Harness h({.slots = 1, .lane_buffer_max = 4});
    std::vector<JobId> jobs;
    for (int i = 0; i < 50; ++i) jobs.push_back(h.submit());
    for (int i = 0; i < 40; ++i) {
        h.run_for(milliseconds(50));
        h.backend.complete_all();
    }
    // Jobs end in order: none was taken from the middle.
    bool done = true;
    for (const auto& job : jobs) {
        if (h.state(job) != JobState::kCompleted) done = false;
        EXPECT_EQ(h.state(job) == JobState::kCompleted, done);
    }
}

TEST(Stealer, StealsNothingBeforeTheTurnOfJobsInHand) {
    Harness h({.slots = 1, .strict_priority = true});
    h.run();
    for (int i = 0; i < 5; ++i) h.submit_silently(Harness::spec(Priority::kLow));
    h.submit(Harness::spec(Priority::kHigh));
    for (int i = 0; i < 50; ++i) {
        h.submit(Harness::spec(Priority::kHigh));
        h.backend.complete_all();
        h.run_for(milliseconds(100));
        ASSERT_EQ(h.backend.running().begin()->second.job.spec.priority, Priority::kHigh);
    }
}

TEST(Stealer, ALaneWhoseMessagesWereLostHasItsTurnWithinTheBoundInStrictMode) {
    Harness h({.slots = 1, .strict_priority = true});
    h.run();
    const auto lost = h.submit_silently(Harness::spec(Priority::kLow));
    h.submit(Harness::spec(Priority::kHigh));
    // A minute until the job is old enough, and a minute of waiting.
    for (int i = 0; i < 1250 && h.state(lost) == JobState::kQueued; ++i) {
        if (i % 10 == 0) send_hint(h);
        h.submit(Harness::spec(Priority::kHigh));
        h.backend.complete_all();
        h.run_for(milliseconds(100));
    }
    EXPECT_NE(h.state(lost), JobState::kQueued);
}

// Jobs that wait while long batches run age by a batch each time, and so do their neighbours.
TEST(Stealer, LeavesTheBacklogOfASlowModelToItsMessages) {
    Harness h({.slots = 1, .batch_max = 8});
    for (int i = 0; i < 40; ++i) h.submit();
    for (int i = 0; i < 5; ++i) {
        h.run_for(seconds(6));
        h.backend.complete_all();
    }
    EXPECT_THAT(h.backend.batches(),
                ElementsAre(SizeIs(8), SizeIs(8), SizeIs(8), SizeIs(8), SizeIs(8)));
}

// Neither does a backlog of one model hold up another's job, nor one that is queued again.
TEST(Stealer, EachModelOfALaneHasItsTurnWhileStealingIsSaturated) {
    Harness h({.models = {"fake", "other"}, .slots = 1});
    h.run();
    for (int i = 0; i < 200; ++i) h.submit_silently();
    h.run_for(seconds(1));
    auto other = Harness::spec();
    other.model = "other";
    const auto job = h.submit_silently(other);
    for (int i = 0; i < 4; ++i) {
        h.backend.complete_all();
        h.run_for(seconds(1));
        if (h.state(job) != JobState::kQueued) return;
    }
    FAIL() << "not started in four turns";
}

TEST(Stealer, AJobThatIsQueuedAgainIsNotForgottenWhileStealingIsSaturated) {
    Harness h({.slots = 1});
    const auto job = h.submit_silently();
    for (int i = 0; i < 30; ++i) h.submit_silently();
    h.run_for(seconds(2));
    ASSERT_TRUE(h.backend.runs(job));
    h.backend.finish(h.backend.running().begin()->first, {.kind = OutcomeKind::kInterrupted});
    for (int i = 0; i < 35 && h.state(job) != JobState::kCompleted; ++i) {
        h.submit_silently();
        h.run_for(milliseconds(300));
        h.backend.complete_all();
        h.run_for(milliseconds(300));
    }
    EXPECT_EQ(h.state(job), JobState::kCompleted);
}

TEST(Stealer, StolenJobsJoinABatchAndStartNone) {
    Harness h({.slots = 1, .batch_max = 8});
    h.submit();
    h.run();
    const auto lost = h.submit_silently();
    h.run_for(seconds(3));
    for (int i = 0; i < 5; ++i) h.submit();
    h.run_for(seconds(6));
    h.backend.complete_all();
    h.run_for(seconds(1));
    ASSERT_THAT(h.backend.batches(), ElementsAre(SizeIs(1), SizeIs(6)));
    EXPECT_TRUE(h.backend.runs(lost));
}

}  // namespace
}  // namespace millrace::execute
