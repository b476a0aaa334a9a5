// Claiming by id: who gets a job, and under which epoch and deadline.
#include "tests/conformance/storage/store_test.h"
#include "tests/support/new_job.h"

namespace millrace::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

class ClaimJobs : public StoreTest {
 protected:
    Claim claim_one(JobId job) { return store_->job_claim(worker_, {job}).value().at(0); }
};

TEST_P(ClaimJobs, GivesAQueuedJobToALiveWorker) {
    const auto job = insert();
    const auto claim = claim_one(job);
    EXPECT_EQ(claim.key, (AttemptKey{job, 1}));
    EXPECT_EQ(claim.attempt, 1);
    EXPECT_EQ(claim.failures, 0);
    EXPECT_EQ(claim.losses, 0);
    EXPECT_EQ(claim.remaining, 60s);
    EXPECT_FALSE(claim.deadline_is_ttl);
    const auto record = get(job);
    EXPECT_EQ(record.state, JobState::kInProgress);
    EXPECT_EQ(record.worker, worker_);
    EXPECT_EQ(record.worker_name, "gpu-1");
    EXPECT_TRUE(record.started_at);
    ASSERT_THAT(record.attempts, SizeIs(1));
    EXPECT_EQ(record.attempts[0].epoch, 1);
    EXPECT_FALSE(record.attempts[0].ended_at || record.attempts[0].outcome);
}

TEST_P(ClaimJobs, GivesAJobOnlyOnce) {
    const auto job = insert();
    claim(job);
    EXPECT_FALSE(can_claim(worker_, job));
    EXPECT_FALSE(can_claim(add_worker(), job));
}

TEST_P(ClaimJobs, LeavesOutJobsThatCannotBeClaimed) {
    const auto scheduled =
        insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 1h); });
    const auto cancelled = insert();
    ASSERT_TRUE(store_->job_cancel({cancelled}));
    const auto done = insert_claimed();
    settle(completed(done));
    const auto unknown = new_job().id;
    const auto good = insert();
    const auto claims =
        store_->job_claim(worker_, {unknown, good, done.job, scheduled, cancelled}).value();
    ASSERT_THAT(claims, SizeIs(1));
    EXPECT_EQ(claims[0].key.job, good);
}

TEST_P(ClaimJobs, CountsARepeatedIdOnce) {
    const auto job = insert();
    EXPECT_THAT(store_->job_claim(worker_, {job, job}).value(), SizeIs(1));
}

TEST_P(ClaimJobs, RaisesTheEpochEachTime) {
    const auto job = insert();
    settle(interrupted(claim(job)));
    const auto again = claim_one(job);
    EXPECT_EQ(again.key.epoch, 2);
    EXPECT_EQ(again.attempt, 2);
}

TEST_P(ClaimJobs, LetsTheTimeToLiveCutTheDeadline) {
    const auto job = insert([](NewJob& j) { j.terms.policy.ttl = 40s; });
    pass(10s);
    const auto claim = claim_one(job);
    EXPECT_TRUE(claim.deadline_is_ttl);
    EXPECT_THAT(claim.remaining, AllOf(Le(30s), Ge(20s)));
}

TEST_P(ClaimJobs, LeavesAJobWhoseTimeToLiveIsOver) {
    const auto job = insert([](NewJob& j) { j.terms.policy.ttl = 40s; });
    pass(41s);
    EXPECT_FALSE(can_claim(worker_, job));
}

TEST_P(ClaimJobs, LeavesAJobWhoseTimeToStartIsOver) {
    const auto job = insert([](NewJob& j) { j.terms.policy.start_within = 40s; });
    pass(41s);
    EXPECT_FALSE(can_claim(worker_, job));
}

TEST_P(ClaimJobs, ForgetsTheTimeToStartOnceAJobHasStarted) {
    const auto job = insert([](NewJob& j) { j.terms.policy.start_within = 40s; });
    settle(interrupted(claim(job)));
    pass(41s);
    EXPECT_TRUE(can_claim(worker_, job));
}

TEST_P(ClaimJobs, CountsTheTimeToStartFromRunAt) {
    const auto job = insert([&](NewJob& j) {
        j.run_at = DbTime(store_->database_time() + 100s);
        j.terms.policy.start_within = 40s;
    });
    pass(110s);
    ASSERT_THAT(store_->keeper_release(10).value().moved, SizeIs(1));
    EXPECT_TRUE(can_claim(worker_, job));
}

TEST_P(ClaimJobs, GivesNothingToAWorkerThatIsNotAlive) {
    const auto job = insert();
    EXPECT_FALSE(can_claim(WorkerId(new_id()), job)) << "unknown";
    const auto lost = add_worker();
    lose(lost);
    EXPECT_FALSE(can_claim(lost, job)) << "lost";
    const auto stopped = add_worker();
    ASSERT_TRUE(store_->worker_stop(stopped));
    EXPECT_FALSE(can_claim(stopped, job)) << "stopped";
    const auto draining = add_worker();
    ASSERT_TRUE(store_->worker_drain(draining));
    EXPECT_FALSE(can_claim(draining, job)) << "draining";
    EXPECT_TRUE(can_claim(worker_, job));
}

TEST_P(ClaimJobs, ReadsSpecsApart) {
    const auto job = new_job([](NewJob& j) { j.metadata_json = R"({"a":"b"})"; });
    ASSERT_TRUE(store_->job_insert({job}));
    const auto specs = store_->job_specs({job.id, new_job().id}).value();
    ASSERT_THAT(specs, SizeIs(1));
    EXPECT_EQ(specs[0].first, job.id);
    EXPECT_EQ(specs[0].second, spec_of(job, R"({"prompt":"hello"})"));
    EXPECT_THAT(store_->job_specs({}).value(), IsEmpty());
}

MILLRACE_STORE_SUITE(ClaimJobs);

}  // namespace
}  // namespace millrace::test
