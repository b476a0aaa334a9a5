// Requests that come twice, through the real programs: retries by hand, PUT, SDKs that send again.

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/e2e/command.h"
#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

class Retry : public testing::Test {
 protected:
    static void SetUpTestSuite() { stack_ = new Stack(); }
    static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

    std::string submit_failing(const std::string& model = "synthetic") {
        auto job = synthetic_job({{"fail", "permanent"}});
        job["model"] = model;
        const auto id = stack.submit(job);
        EXPECT_EQ(stack.wait_until_final(id)["status"], "failed");
        return id;
    }
    CommandResult run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--url", stack.url()});
        return run_command(std::move(arguments));
    }
    http::Response send(const std::string& method, const std::string& path, const Json& body,
                        const std::vector<std::string>& headers = {}) {
        http::Request request{.method = method, .url = stack.url() + path, .body = body.dump()};
        request.headers = headers;
        request.headers.push_back("Content-Type: application/json");
        return http_.send(request).value();
    }

    static inline Stack* stack_ = nullptr;
    Stack& stack = *stack_;
    http::Client http_;
};

TEST_F(Retry, ARetryRunsAndIsRetriedInTurn) {
    const auto old = submit_failing();
    const std::string retry = stack.call("POST", "/v1/jobs/" + old + "/retry", Json(), 202)["id"];
    EXPECT_EQ(stack.call("POST", "/v1/jobs/" + old + "/retry", Json(), 200)["id"], retry);
    const auto done = stack.wait_until_final(retry);
    EXPECT_EQ(done["status"], "failed");
    EXPECT_EQ(done["retry_of"], old);
    EXPECT_EQ(done["attempt"], 1);
    const std::string third = stack.call("POST", "/v1/jobs/" + retry + "/retry", Json(), 202)["id"];
    EXPECT_NE(third, retry);
    EXPECT_EQ(stack.job(old)["status"], "failed");
    EXPECT_EQ(stack.job(old)["retried_by"], retry);
}

TEST_F(Retry, ACancelledJobCompletesWhenRetried) {
    const auto old = stack.submit(synthetic_job({{"ms", 3000}}));
    stack.wait_until_status(old, "in_progress");
    stack.cancel(old);
    EXPECT_EQ(stack.wait_until_final(old)["status"], "cancelled");
    const std::string retry = stack.call("POST", "/v1/jobs/" + old + "/retry", Json(), 202)["id"];
    EXPECT_EQ(stack.wait_until_final(retry)["status"], "completed");
    stack.call("POST", "/v1/jobs/" + retry + "/retry", Json(), 409);
}

TEST_F(Retry, TheCommandRetriesById) {
    const auto old = submit_failing();
    const auto result = run({"--json", "retry", old});
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(Json::parse(result.output)["retry_of"], old);
    EXPECT_EQ(run({"retry", "job_00000000000000000000000000"}).exit_code, 3);
}

TEST_F(Retry, TheCommandRetriesMatchingJobsAfterConfirmation) {
    auto job = synthetic_job({{"fail", "permanent"}});
    job["metadata"] = {{"suite", "retry"}};
    const Json jobs{job, job, job};
    for (const auto& id : stack.submit_many(jobs)) stack.wait_until_final(id);
    const std::vector<std::string> which{"retry", "--metadata", "suite=retry"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), which.begin(), which.end());
        return run(std::move(more));
    };
    EXPECT_EQ(with({"--dry-run"}).output, "3 jobs would be retried\n");
    EXPECT_EQ(with({}).exit_code, 2);  // Nobody is there to confirm.
    const auto result = with({"--yes"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 3) << result.output;
    EXPECT_EQ(run({"retry"}).exit_code, 2);
}

TEST_F(Retry, PuttingTwiceCreatesOneJob) {
    const auto body = synthetic_job();
    const auto first = send("PUT", "/v1/jobs/order-1", body);
    ASSERT_EQ(first.status, 202) << first.body;
    const std::string id = Json::parse(first.body)["id"];
    const auto again = send("PUT", "/v1/jobs/order-1", body);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(Json::parse(again.body)["id"], id);
    EXPECT_EQ(send("PUT", "/v1/jobs/order-1", synthetic_job({{"ms", 1}})).status, 422);
    const auto done = stack.wait_until_final("order-1");
    EXPECT_EQ(done["id"], id);
    EXPECT_EQ(done["client_id"], "order-1");
    EXPECT_FALSE(stack.call("GET", "/v1/jobs/order-1/result").empty());
}

TEST_F(Retry, AnSdkThatSendsAgainGetsItsJob) {
    const auto body = synthetic_job({{"ms", 3}});
    const auto first = send("POST", "/v1/jobs", body, {"x-stainless-retry-count: 0"});
    const auto again = send("POST", "/v1/jobs", body, {"x-stainless-retry-count: 1"});
    const auto deliberate = send("POST", "/v1/jobs", body, {"x-stainless-retry-count: 0"});
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(Json::parse(again.body)["id"], Json::parse(first.body)["id"]);
    EXPECT_EQ(deliberate.status, 202);
    EXPECT_NE(Json::parse(deliberate.body)["id"], Json::parse(first.body)["id"]);
}

TEST_F(Retry, TheHistoryShowsEveryAttempt) {
    auto job = synthetic_job({{"fail", "retryable"}, {"fail_attempts", 1}});
    const auto id = stack.submit(job);
    stack.wait_until_final(id);
    const auto history = Json::parse(run({"--json", "get", id, "--attempts"}).output)["attempts"];
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0]["outcome"], "retryable");
    EXPECT_EQ(history[0]["counted_as"], "failure");
    EXPECT_EQ(history[1]["number"], 2);
    EXPECT_EQ(history[1]["outcome"], "completed");
    EXPECT_TRUE(history[1]["counted_as"].is_null());
    EXPECT_GE(history[1]["waited_ms"], 0);
    const auto table = run({"get", id, "--attempts"}).output;
    EXPECT_NE(table.find("COUNTED AS"), std::string::npos) << table;
}

}  // namespace
}  // namespace millrace::test
