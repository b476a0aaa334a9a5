// Cancelling: immediate if no worker runs the job, otherwise by request to the worker.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Cancel : public StoreTest {
 protected:
    CancelledJob cancel(JobId job) { return store_->job_cancel({job}).value().at(0); }
    // Cancels one page and returns its ids; `change` narrows a filter that matches all jobs.
    std::vector<JobId> cancel_matching(const std::function<void(JobFilter&)>& change = {},
                                       int look_max = 1000) {
        JobFilter filter{.limit = 100};
        if (change) change(filter);
        const auto page = store_->job_cancel_matching(filter, look_max).value();
        next_ = page.next;
        std::vector<JobId> ids;
        for (const auto& job : page.jobs) ids.push_back(job.id);
        return ids;
    }

    std::optional<JobId> next_;
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
        EXPECT_EQ(get(job).usage, Usage{});
    }
    EXPECT_FALSE(can_claim(worker_, queued));
}

TEST_P(Cancel, SaysWhetherTheJobHadRun) {
    const auto fresh = insert();
    cancel(fresh);
    EXPECT_EQ(get(fresh).error_message, "cancelled on request before it ran");
    const auto tried = insert_claimed();
    settle(to_retry(tried));
    cancel(tried.job);
    EXPECT_EQ(get(tried.job).error_message, "cancelled on request before it ran again");
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

TEST_P(Cancel, KeepsTheTimeOfTheFirstRequest) {
    using End = std::function<void(AttemptKey)>;
    const auto first_completes = [&](AttemptKey key) { settle(completed(key)); };
    const auto stops = [&](AttemptKey key) { settle(interrupted(key)); };
    const auto is_overdue = [&](AttemptKey key) {
        pass(2h);
        EXPECT_THAT(store_->keeper_end_overdue(1s, 10).value().moved, SizeIs(1));
        EXPECT_EQ(get(key.job).usage, Usage{});
    };
    const auto is_lost = [&](AttemptKey key) {
        lose(worker_);
        EXPECT_THAT(store_->keeper_rescue({}).value().moved, SizeIs(1));
        EXPECT_EQ(get(key.job).usage, Usage{});
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

TEST_P(Cancel, LeavesOutJobsThatDoNotExist) {
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

TEST_P(Cancel, ByAFilterEndsWaitingJobsAndAsksRunningOnes) {
    const auto queued = insert();
    const auto later = insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 1h); });
    const auto running = insert_claimed();
    const auto asked = insert_claimed();
    cancel(asked.job);
    const auto done = insert_claimed();
    settle(completed(done));
    const auto page = store_->job_cancel_matching({.limit = 100}, 1000).value();
    ASSERT_THAT(page.jobs, SizeIs(3));
    EXPECT_FALSE(page.next);
    EXPECT_EQ(page.jobs[0].id, queued);
    EXPECT_EQ(page.jobs[0].state, JobState::kCancelled);
    EXPECT_EQ(page.jobs[1].state, JobState::kCancelled);
    EXPECT_EQ(page.jobs[2].id, running.job);
    EXPECT_EQ(page.jobs[2].state, JobState::kCancelling);
    EXPECT_EQ(page.jobs[2].epoch, running.epoch);
    EXPECT_EQ(page.jobs[2].worker, worker_);
    for (const auto job : {queued, later}) {
        EXPECT_EQ(state(job), JobState::kCancelled);
        EXPECT_EQ(get(job).error_code, "cancelled");
        EXPECT_EQ(get(job).cancel_requested_at, get(job).finished_at);
    }
    EXPECT_EQ(state(running.job), JobState::kCancelling);
    EXPECT_TRUE(get(running.job).cancel_requested_at);
    EXPECT_EQ(state(done.job), JobState::kCompleted);
    EXPECT_THAT(cancel_matching(), IsEmpty()) << "those that are cancelling do not match again";
}

TEST_P(Cancel, ByAFilterLeavesWhatDoesNotMatch) {
    const auto plain = insert();
    const auto gpu = insert([](NewJob& j) { j.terms.queue = "gpu"; });
    const auto high = insert([](NewJob& j) { j.terms.priority = Priority::kHigh; });
    const auto llama = insert([](NewJob& j) { j.terms.model = "llama"; });
    const auto ann = insert([](NewJob& j) { j.metadata_json = R"({"user":"ann"})"; });
    const auto retrying = insert_claimed();
    settle(to_retry(retrying));
    const auto running = insert_claimed();
    EXPECT_THAT(cancel_matching([](auto& f) { f.queue = "gpu"; }), ElementsAre(gpu));
    EXPECT_THAT(cancel_matching([](auto& f) { f.priority = Priority::kHigh; }), ElementsAre(high));
    EXPECT_THAT(cancel_matching([](auto& f) { f.model = "llama"; }), ElementsAre(llama));
    EXPECT_THAT(cancel_matching([](auto& f) { f.metadata = {{"user", "ann"}}; }), ElementsAre(ann));
    const auto error = get(retrying.job).error_code;
    EXPECT_THAT(cancel_matching([&](auto& f) { f.error_code = error; }), ElementsAre(retrying.job));
    EXPECT_THAT(cancel_matching([](auto& f) { f.states = {JobState::kInProgress}; }),
                ElementsAre(running.job));
    EXPECT_THAT(cancel_matching([](auto& f) { f.queue = "nowhere"; }), IsEmpty());
    EXPECT_THAT(cancel_matching([](auto& f) { f.states = {JobState::kCompleted}; }), IsEmpty());
    EXPECT_EQ(state(plain), JobState::kQueued);
}

TEST_P(Cancel, ByAFilterGoesByTheTimeOfCreation) {
    const auto old = insert();
    pass(1h);
    const auto young = insert();
    const auto created = get(young).created_at;
    EXPECT_THAT(cancel_matching([&](auto& f) { f.created_after = created; }), IsEmpty());
    EXPECT_THAT(cancel_matching([&](auto& f) { f.created_before = created; }), ElementsAre(old));
}

TEST_P(Cancel, ByAFilterContinuesWhereItStopped) {
    const auto jobs = insert_many(5);
    const auto two = [&](auto& f) {
        f.limit = 2;
        f.after = next_;
        f.ascending = false;
    };
    EXPECT_THAT(cancel_matching(two), ElementsAre(jobs[0], jobs[1]));
    EXPECT_EQ(next_, jobs[1]);
    EXPECT_THAT(cancel_matching(two), ElementsAre(jobs[2], jobs[3]));
    EXPECT_THAT(cancel_matching(two), ElementsAre(jobs[4]));
    EXPECT_FALSE(next_);
}

// However few jobs match: a call that looks at all jobs would delay all others.
TEST_P(Cancel, ByAFilterExaminesABoundedNumberOfJobs) {
    const auto jobs = insert_many(3);
    const auto gpu = insert([](NewJob& j) { j.terms.queue = "gpu"; });
    const auto of_gpu = [&](auto& f) {
        f.queue = "gpu";
        f.after = next_;
    };
    EXPECT_THAT(cancel_matching(of_gpu, 2), IsEmpty());
    EXPECT_EQ(next_, jobs[1]);
    EXPECT_THAT(cancel_matching(of_gpu, 2), ElementsAre(gpu));
    EXPECT_THAT(cancel_matching(of_gpu, 2), IsEmpty());
    EXPECT_FALSE(next_);
}

MILLRACE_STORE_SUITE(Cancel);

}  // namespace
}  // namespace millrace::test
