// Stealing: the oldest ready jobs of a lane that the worker can serve.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Steal : public StoreTest {
 protected:
    std::vector<JobId> steal(const std::function<void(StealRequest&)>& change = {}) {
        StealRequest request{.queue = "default", .models = {"echo"}, .limit = 10};
        if (change) change(request);
        stolen_ = store_->job_steal(worker_, request).value();
        std::vector<JobId> ids;
        for (const auto& job : stolen_) ids.push_back(job.key.job);
        return ids;
    }

    std::vector<ClaimedJob> stolen_;
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

TEST_P(Steal, TakesOnlyModelsThatTheWorkerServes) {
    insert([](NewJob& j) { j.terms.model = "other"; });
    const auto job = insert([](NewJob& j) { j.terms.model = "second"; });
    EXPECT_THAT(steal([](auto& r) { r.models = {"echo", "second"}; }), ElementsAre(job));
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

TEST_P(Steal, LooksAtNothingBelowTheLowWater) {
    const auto jobs = insert_many(3);
    EXPECT_THAT(steal([&](auto& r) { r.low_water = jobs[1]; }), ElementsAre(jobs[1], jobs[2]));
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
    const auto stolen = store_->job_steal(worker_, {.queue = "nowhere", .models = {"echo"}});
    EXPECT_EQ(stolen.error().code, ErrorCode::kInvalidArgument);
}

MILLRACE_STORE_SUITE(Steal);

}  // namespace
}  // namespace millrace::test
