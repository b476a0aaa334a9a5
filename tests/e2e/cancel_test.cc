// Cancelling all matching jobs, through the real programs.

#include <gtest/gtest.h>

#include <utility>

#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

class Cancel : public testing::Test {
 protected:
    static void SetUpTestSuite() { stack_ = new Stack(); }
    static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

    static Json job_of(const std::string& run, const Json& behaviour = Json::object()) {
        auto job = synthetic_job(behaviour);
        job["metadata"] = {{"run", run}};
        return job;
    }

    static inline Stack* stack_ = nullptr;
    Stack& stack = *stack_;
};

TEST_F(Cancel, RunningJobsThatMatchStopAndTheOthersContinue) {
    const auto first = stack.submit(job_of("oops", {{"ms", 600'000}}));
    const auto second = stack.submit(job_of("oops", {{"ms", 600'000}}));
    const auto other = stack.submit(job_of("good", {{"ms", 600'000}}));
    for (const auto& id : {first, second, other}) stack.wait_until_status(id, "in_progress");
    const Json which{{"metadata", {{"run", "oops"}}}};
    auto count = which;
    count["dry_run"] = true;
    EXPECT_EQ(stack.call("POST", "/v1/jobs:cancel", count)["count"], 2);
    const auto answer = stack.call("POST", "/v1/jobs:cancel", which);
    EXPECT_EQ(answer["matched"], 2);
    EXPECT_EQ(answer["cancelling"], 2);
    EXPECT_EQ(answer["has_more"], false);
    for (const auto& id : {first, second}) {
        EXPECT_EQ(stack.wait_until_final(id)["status"], "cancelled");
    }
    EXPECT_EQ(stack.job(other)["status"], "in_progress");
    EXPECT_EQ(stack.call("POST", "/v1/jobs:cancel", which)["matched"], 0);
    stack.cancel(other);
}

TEST_F(Cancel, ThousandsOfWaitingJobsAreOneCall) {
    auto jobs = Json::array();
    for (int i = 0; i < 1000; ++i) jobs.push_back(job_of("many", {{"ms", 600'000}}));
    stack.submit_many(jobs);
    stack.submit_many(jobs);
    const Json which{{"metadata", {{"run", "many"}}}, {"status", {"queued", "in_progress"}}};
    const auto answer = stack.call("POST", "/v1/jobs:cancel", which);
    EXPECT_EQ(answer["matched"], 2000);
    EXPECT_EQ(answer["has_more"], false);
    EXPECT_EQ(stack.call("POST", "/v1/jobs:cancel", which)["matched"], 0);
}

}  // namespace
}  // namespace millrace::test
