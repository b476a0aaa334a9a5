// How the client reports the gateway's refusals.
#include "producer/cli/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

constexpr const char* kUrl = "http://gw:1";

Json problem(const std::string& detail, const Json& param) {
    return {{"detail", detail}, {"error", {{"param", param}, {"code", "c"}}}};
}

TEST(ApiError, NamesTheOptionInsteadOfTheField) {
    const auto message = [](const std::string& param) {
        return api_error(400, problem("`" + param + "` is odd; see `x`.", param).dump(), kUrl)
            .message;
    };
    EXPECT_EQ(message("policy.execution_timeout"), "--timeout is odd; see `x`.");
    EXPECT_EQ(message("policy.ttl"), "--ttl is odd; see `x`.");
    EXPECT_EQ(message("input.max_tokens"), "--max-tokens is odd; see `x`.");
    EXPECT_EQ(message("created_after"), "--created-after is odd; see `x`.");
    EXPECT_EQ(message("metadata[user]"), "--metadata is odd; see `x`.");
    EXPECT_EQ(message("jobs[3].policy.ttl"), "`jobs[3].policy.ttl` is odd; see `x`.");
}

// The body that the gateway saw was made by the command.
TEST(ApiError, LeavesOutThePositionInABodyThatTheUserNeverWrote) {
    const Json refusal{
        {"detail", "The body is invalid at line 1, column 97: nested deeper than 64 levels."},
        {"error", {{"param", nullptr}, {"code", "json_too_deep"}}}};
    EXPECT_EQ(api_error(400, refusal.dump(), kUrl).message,
              "The body is invalid: nested deeper than 64 levels.");
}

TEST(ApiError, FollowsTheStatusIfTheBodySaysNothing) {
    for (const auto* body : {"", "<html>", "[]", "7", "{}", R"({"detail":7})", R"({"error":null})",
                             R"({"error":"text"})"}) {
        EXPECT_EQ(api_error(500, body, kUrl),
                  (Error{ErrorCode::kInternal, "the gateway answered 500"}));
    }
    EXPECT_EQ(api_error(404, problem("gone", nullptr).dump(), kUrl),
              (Error{ErrorCode::kNotFound, "gone"}));
    EXPECT_EQ(api_error(503, "", kUrl).code, ErrorCode::kUnavailable);
    EXPECT_EQ(api_error(502, "", kUrl).code, ErrorCode::kOutcomeUnknown);
    EXPECT_EQ(api_error(504, "", kUrl).code, ErrorCode::kOutcomeUnknown);
    EXPECT_EQ(api_error(429, "", kUrl).code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(api_error(413, "", kUrl).code, ErrorCode::kInvalidArgument);
}

// Another server's 404 is not about a job.
TEST(ApiError, SaysIfTheServerIsNotMillrace) {
    for (const int status : {301, 400, 401, 403, 404, 405, 409, 410, 422}) {
        for (const auto* body : {"", "<html>", "[]", "{}", R"({"detail":"Not Found"})",
                                 R"({"error":{"message":"no","code":404},"detail":"x"})"}) {
            const auto error = api_error(status, body, kUrl);
            EXPECT_EQ(error.code, ErrorCode::kInternal) << status << body;
            EXPECT_EQ(error.message,
                      "http://gw:1 answered " + std::to_string(status) +
                          ", but not like Millrace's API; is it a Millrace gateway?");
        }
    }
}

TEST(ApiClient, SaysWhatIsWrongWithItsUrlAtEveryCall) {
    ApiClient api("http://user:secret@host");
    EXPECT_EQ(api.queues().error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(api.submit("{}", "k").error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(api.events("job_1", [](const auto&) { return true; }).error().code,
              ErrorCode::kInvalidArgument);
}

TEST(ApiClient, DoesNotWaitForAGatewayThatWasNeverThere) {
    ApiClient api("http://127.0.0.1:9");
    const auto answer = api.queues();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("millrace up"));
    EXPECT_FALSE(api.wait_for_gateway());
}

}  // namespace
}  // namespace millrace::cli
