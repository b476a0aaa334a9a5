// Stealing: the oldest ready jobs of a lane that the worker can serve.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Steal : public StoreTest {
 protected:
    std::vector<JobId> steal(const std::function<void(StealRequest&)>& change = {}) {
        StealRequest request{.queue = "default", .model = "echo", .limit = 10};
        if (change) change(request);
        auto stolen = store_->job_steal(worker_, request).value();
        stolen_ = std::move(stolen.jobs);
        queued_last_ = stolen.queued_last;
        is_cut_ = stolen.is_cut;
        std::vector<JobId> ids;
        for (const auto& job : stolen_) ids.push_back(job.key.job);
        return ids;
    }

    std::vector<ClaimedJob> stolen_;
    std::optional<DbTime> queued_last_;
    bool is_cut_ = false;
};

TEST_P(Steal, ClaimsTheOldestWithTheirSpecs) {
    const auto jobs = insert_many(3);
    EXPECT_THAT(steal([](auto& r) { r.limit = 2; }), ElementsAre(jobs[0], jobs[1]));
    EXPECT_EQ(stolen_.at(0).key.epoch, 1);
    EXPECT_EQ(stolen_[0].attempt, 1);
    EXPECT_EQ(stolen_[0].remaining, 60s);
    EXPECT_EQ(stolen_[0].spec.input_json, R"({"prompt":"hello"})");
    EXPECT_EQ(state(jobs[0]), JobState::kInProgress);
    EXPECT_EQ(state(jobs[2]), JobState::kQueued);
    EXPECT_THAT(steal(), ElementsAre(jobs[2]));
    EXPECT_THAT(steal(), IsEmpty());
}

TEST_P(Steal, TakesOnlyJobsOfTheModel) {
    for (const auto* model : {"ech", "echo1", "Echo", "other"}) {
        insert([&](NewJob& j) { j.terms.model = model; });
    }
    const auto job = insert();
    EXPECT_THAT(steal(), ElementsAre(job));
}

TEST_P(Steal, StaysInItsLane) {
    insert([](NewJob& j) { j.terms.queue = "gpu"; });
    insert([](NewJob& j) { j.terms.priority = Priority::kHigh; });
    EXPECT_THAT(steal(), IsEmpty());
}

TEST_P(Steal, TakesOnlyJobsThatAreReadyForLongEnough) {
    const auto old = insert();
    pass(20s);
    insert();
    EXPECT_THAT(steal([](auto& r) { r.age_min = 10s; }), ElementsAre(old));
}

TEST_P(Steal, RestartsTheAgeAfterAnAttempt) {
    const auto attempt = insert_claimed();
    pass(20s);
    settle(interrupted(attempt));
    EXPECT_THAT(steal([](auto& r) { r.age_min = 10s; }), IsEmpty());
}

TEST_P(Steal, LooksAtNothingThatWasQueuedBefore) {
    std::vector<JobId> jobs;
    for (int i = 0; i < 3; ++i) {
        jobs.push_back(insert());
        pass(10ms);
    }
    EXPECT_THAT(steal([](auto& r) { r.limit = 1; }), ElementsAre(jobs[0]));
    EXPECT_THAT(steal([&](auto& r) { r.queued_from = *queued_last_ + 1us; }),
                ElementsAre(jobs[1], jobs[2]));
    EXPECT_THAT(steal(), IsEmpty());
    EXPECT_FALSE(queued_last_);
}

// So whoever goes through a lane need not look back at what is queued again.
TEST_P(Steal, TakesAJobThatIsQueuedAgainAfterThoseThatHaveWaited) {
    const auto attempt = insert_claimed();
    pass(10ms);
    const auto job = insert();
    pass(10ms);
    settle(interrupted(attempt));
    EXPECT_THAT(steal(), ElementsAre(job, attempt.job));
}

TEST_P(Steal, ReadsSpecsUpToABoundButAlwaysOne) {
    const auto jobs = insert_many(3);
    EXPECT_THAT(steal([](auto& r) { r.bytes_max = 1; }), ElementsAre(jobs[0]));
    EXPECT_TRUE(is_cut_);
    EXPECT_EQ(state(jobs[1]), JobState::kQueued);
    EXPECT_THAT(steal([](auto& r) { r.bytes_max = 100'000; }), ElementsAre(jobs[1], jobs[2]));
    EXPECT_FALSE(is_cut_);
}

TEST_P(Steal, LeavesJobsThatAreNotReady) {
    insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 1h); });
    insert([](NewJob& j) { j.terms.policy.ttl = 1s; });
    insert([](NewJob& j) { j.terms.policy.start_within = 1s; });
    ASSERT_TRUE(store_->job_cancel({insert()}));
    insert_claimed();
    pass(2s);
    EXPECT_THAT(steal(), IsEmpty());
}

TEST_P(Steal, GivesNothingToAWorkerThatIsNotAlive) {
    insert();
    ASSERT_TRUE(store_->worker_drain(worker_));
    EXPECT_THAT(steal(), IsEmpty());
}

TEST_P(Steal, RefusesAnUnknownQueue) {
    const auto stolen = store_->job_steal(worker_, {.queue = "nowhere", .model = "echo"});
    EXPECT_EQ(stolen.error().code, ErrorCode::kInvalidArgument);
}

MILLRACE_STORE_SUITE(Steal);

}  // namespace
}  // namespace millrace::test
