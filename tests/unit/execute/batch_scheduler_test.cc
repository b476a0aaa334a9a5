// The slots of one backend, without the backend. batching_test.cc shows when batches start and what
// is claimed for them, in a worker.
#include "worker/execute/batch_scheduler.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using test::attempt_key;

class BatchSchedulerTest : public testing::Test {
 protected:
    void add(std::uint8_t job, const std::string& key = "k") {
        BatchFormer::Arrival arrival{.execution = {}, .key = key, .arrived = now};
        arrival.execution.job.key = attempt_key(job);
        arrival.execution.deadline = MonoTime::max();
        scheduler.add(std::move(arrival), now);
    }

    const MonoTime now{milliseconds(1000)};
    const schedule::BatchOptions options{};
    BatchScheduler scheduler{{.name = "b", .models = {}, .slots = 2, .batch_max = 2}, options};
};

TEST_F(BatchSchedulerTest, StartsABatchInEachFreeSlot) {
    EXPECT_EQ(scheduler.jobs_max(), 4U);
    for (std::uint8_t job = 1; job <= 5; ++job) add(job);
    const auto first = scheduler.begin(now);
    const auto second = scheduler.begin(now);
    ASSERT_TRUE(first && second);
    EXPECT_NE(first->slot, second->slot);
    EXPECT_EQ(first->jobs.size(), 2U);
    EXPECT_EQ(first->jobs[0].job.key, attempt_key(1));
    EXPECT_EQ(second->jobs[0].job.key, attempt_key(3));
    EXPECT_FALSE(scheduler.begin(now));
    EXPECT_TRUE(scheduler.remove(attempt_key(5)));
    EXPECT_FALSE(scheduler.remove(attempt_key(1)));
}

TEST_F(BatchSchedulerTest, ASlotIsFreeWhenItsLastJobIsOver) {
    for (std::uint8_t job = 1; job <= 5; ++job) add(job);
    const auto batch = scheduler.begin(now);
    (void)scheduler.begun(batch->slot, now);
    (void)scheduler.begin(now);
    EXPECT_FALSE(scheduler.finish(batch->slot, true, now));
    EXPECT_FALSE(scheduler.begin(now));
    EXPECT_TRUE(scheduler.finish(batch->slot, false, now));
    const auto next = scheduler.begin(now);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->slot, batch->slot);
    EXPECT_EQ(next->jobs[0].job.key, attempt_key(5));
}

TEST_F(BatchSchedulerTest, AStopWaitsUntilTheBackendHasTheBatch) {
    add(1);
    const auto batch = scheduler.begin(now);
    EXPECT_FALSE(scheduler.stop(batch->slot, {attempt_key(1), backends::AbortReason::kCancelled}));
    const auto late = scheduler.begun(batch->slot, now);
    ASSERT_EQ(late.size(), 1U);
    EXPECT_EQ(late[0].key, attempt_key(1));
    EXPECT_EQ(late[0].reason, backends::AbortReason::kCancelled);
    EXPECT_TRUE(scheduler.stop(batch->slot, {attempt_key(1), backends::AbortReason::kDeadline}));
}

TEST_F(BatchSchedulerTest, ABatchThatEndsWhileItStartsFreesItsSlotAfterwards) {
    add(1);
    const auto batch = scheduler.begin(now);
    EXPECT_FALSE(scheduler.finish(batch->slot, true, now));
    EXPECT_EQ(scheduler.room(now, {1}).batches, 1U);
    EXPECT_TRUE(scheduler.begun(batch->slot, now).empty());
    EXPECT_EQ(scheduler.room(now, {0}).batches, 2U);
}

TEST_F(BatchSchedulerTest, ItsRoomIsTheMaximumWithoutTheHeldJobs) {
    EXPECT_EQ(scheduler.held_max(), 8U);
    const auto room = scheduler.room(now, {1, 2});
    EXPECT_EQ(room.held, (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(room.batches, 2U);
    EXPECT_EQ(room.jobs, 4U);
    EXPECT_EQ(scheduler.room(now, {0, 7}).jobs, 1U);
    EXPECT_EQ(scheduler.room(now, {4, 9}).jobs, 0U);
}

}  // namespace
}  // namespace millrace::execute
