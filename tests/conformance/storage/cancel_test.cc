// Cancelling: at once where nobody runs the job, by request where somebody does.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Cancel : public StoreTest {
 protected:
    CancelledJob cancel(JobId job) { return store_->job_cancel({job}).value().at(0); }
};

TEST_P(Cancel, EndsAWaitingJob) {
    const auto queued = insert();
    const auto later = insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 1h); });
    for (const auto job : {queued, later}) {
        EXPECT_EQ(cancel(job).state, JobState::kCancelled);
        EXPECT_EQ(state(job), JobState::kCancelled);
        EXPECT_TRUE(get(job).finished_at);
        EXPECT_EQ(get(job).cancel_requested_at, get(job).finished_at);
        EXPECT_EQ(get(job).error_code, "cancelled");
    }
    EXPECT_FALSE(can_claim(worker_, queued));
}

TEST_P(Cancel, AsksARunningJobToStop) {
    const auto attempt = insert_claimed();
    const auto reply = cancel(attempt.job);
    EXPECT_EQ(reply.state, JobState::kCancelling);
    EXPECT_EQ(reply.epoch, attempt.epoch);
    EXPECT_EQ(reply.worker, worker_);
    const auto heartbeat = store_->worker_heartbeat(worker_).value();
    EXPECT_THAT(heartbeat.cancelling, ElementsAre(attempt));
    EXPECT_EQ(heartbeat.active, 1);
    EXPECT_EQ(cancel(attempt.job).state, JobState::kCancelling);
}

TEST_P(Cancel, LeavesAFinalJobAsItIs) {
    const auto attempt = insert_claimed();
    settle(completed(attempt));
    EXPECT_EQ(cancel(attempt.job).state, JobState::kCompleted);
    EXPECT_EQ(state(attempt.job), JobState::kCompleted);
    EXPECT_FALSE(get(attempt.job).cancel_requested_at);
}

TEST_P(Cancel, KeepsWhenItWasAskedForFirst) {
    using End = std::function<void(AttemptKey)>;
    const auto first_completes = [&](AttemptKey key) { settle(completed(key)); };
    const auto stops = [&](AttemptKey key) { settle(interrupted(key)); };
    const auto is_overdue = [&](AttemptKey) {
        pass(2h);
        EXPECT_THAT(store_->keeper_end_overdue(1s, 10).value().moved, SizeIs(1));
    };
    const auto is_lost = [&](AttemptKey) {
        lose(worker_);
        EXPECT_THAT(store_->keeper_rescue({}).value().moved, SizeIs(1));
    };
    for (const auto& end : {End(first_completes), End(stops), End(is_overdue), End(is_lost)}) {
        const auto attempt = insert_claimed();
        EXPECT_FALSE(get(attempt.job).cancel_requested_at);
        cancel(attempt.job);
        const auto asked_at = get(attempt.job).cancel_requested_at;
        EXPECT_TRUE(asked_at);
        cancel(attempt.job);
        end(attempt);
        EXPECT_TRUE(info(state(attempt.job)).is_final);
        EXPECT_EQ(get(attempt.job).cancel_requested_at, asked_at);
        cancel(attempt.job);
        EXPECT_EQ(get(attempt.job).cancel_requested_at, asked_at);
    }
}

TEST_P(Cancel, LeavesOutWhatDoesNotExist) {
    const auto job = insert();
    const auto replies = store_->job_cancel({new_job().id, job}).value();
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].id, job);
    EXPECT_THAT(store_->job_cancel({}).value(), IsEmpty());
}

TEST_P(Cancel, TakesManyAtOnce) {
    const auto jobs = insert_many(5);
    claim(jobs[2]);
    const auto replies = store_->job_cancel(jobs).value();
    EXPECT_THAT(replies, SizeIs(5));
    for (const auto& reply : replies) {
        EXPECT_EQ(reply.state, reply.id == jobs[2] ? JobState::kCancelling : JobState::kCancelled);
    }
}

MILLRACE_STORE_SUITE(Cancel);

}  // namespace
}  // namespace millrace::test
