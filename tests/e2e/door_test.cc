// What clients may send and what they are shown, through the real gateway and PostgreSQL.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/base/random.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;

class Door : public testing::Test {
 protected:
    static void SetUpTestSuite() { stack_ = new Stack({.workers = 0}); }
    static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

    void SetUp() override {
        worker_.id = WorkerId(ids_.next(store_->database_time()));
        worker_.name = "by hand";
        worker_.queues = {"default"};
        worker_.models = {"echo"};
        ASSERT_TRUE(store_->worker_register(worker_).has_value());
    }

    http::Response post(std::string body) {
        http::Request request{.method = "POST", .url = stack_->url() + "/v1/jobs"};
        request.body = std::move(body);
        request.headers.emplace_back("Content-Type: application/json");
        return http_.send(request).value();
    }
    // Returns a job that this test completes with what a worker would report.
    Json completed(Usage usage) {
        const auto id = stack_->submit({{"model", "echo"}, {"input", {{"prompt", "hello"}}}});
        const auto claims = store_->job_claim(worker_.id, {*JobId::parse(id)}).value();
        const storage::SettledAttempt attempt{
            .key = claims.at(0).key,
            .settlement = {.next = JobState::kCompleted},
            .outcome = {.kind = OutcomeKind::kCompleted, .output_json = "{}", .usage = usage}};
        EXPECT_TRUE(store_->job_settle(worker_.id, {attempt}).value().at(0).accepted);
        return stack_->wait_until_final(id);
    }

    static inline Stack* stack_ = nullptr;
    http::Client http_;
    std::unique_ptr<storage::JobStore> store_ =
        storage::postgres::postgres_store({.conninfo = stack_->conninfo()})();
    UuidGenerator ids_{system_random()};
    storage::WorkerInfo worker_;
};

TEST_F(Door, RefusesTextThatCannotBeStoredAndSaysWhere) {
    const auto refusal = [this](const std::string& prompt) {
        const auto answer =
            post("{\"model\": \"echo\",\n \"input\": {\"prompt\": \"" + prompt + "\"}}");
        EXPECT_EQ(answer.status, 400) << prompt;
        const auto problem = Json::parse(answer.body);
        EXPECT_EQ(problem["error"]["code"], "invalid_json") << prompt;
        return problem["detail"].get<std::string>();
    };
    EXPECT_THAT(refusal("a\\u0000b"), HasSubstr("U+0000"));
    EXPECT_THAT(refusal("a\\ud83d"), HasSubstr("a high surrogate without a low one"));
    EXPECT_THAT(refusal("a\\ude00"), HasSubstr("a low surrogate without a high one"));
    EXPECT_THAT(refusal("a\xff"), HasSubstr("invalid UTF-8"));
    EXPECT_THAT(refusal("a\\u0000b"), HasSubstr("line 2, column 24"));
    EXPECT_EQ(post(R"({"model": "echo", "input": {"prompt": "\ud83d\ude00"}})").status, 202);
}

TEST_F(Door, ShowsUsageAsItWasCounted) {
    EXPECT_EQ(completed({}).at("usage"), Json());
    const auto counted = completed({.prompt_tokens = 3, .completion_tokens = 0});
    EXPECT_EQ(counted["usage"]["total_tokens"], 3);
    const auto half = completed({.prompt_tokens = 3});
    EXPECT_EQ(half["usage"]["completion_tokens"], Json());
}

}  // namespace
}  // namespace millrace::test
