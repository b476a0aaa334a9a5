#include "worker/backends/openai/endpoint_error.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::worker {
namespace {

TEST(EndpointError, ClassesFollowTheStatus) {
    const std::vector<std::pair<long, OutcomeKind>> cases{
        {429, OutcomeKind::kRateLimited}, {503, OutcomeKind::kRateLimited},
        {529, OutcomeKind::kRateLimited}, {408, OutcomeKind::kRetryable},
        {409, OutcomeKind::kRetryable},   {500, OutcomeKind::kRetryable},
        {502, OutcomeKind::kRetryable},   {504, OutcomeKind::kRetryable},
        {301, OutcomeKind::kPermanent},   {400, OutcomeKind::kPermanent},
        {401, OutcomeKind::kPermanent},   {403, OutcomeKind::kPermanent},
        {404, OutcomeKind::kPermanent},   {413, OutcomeKind::kPermanent},
        {422, OutcomeKind::kPermanent},
    };
    for (const auto& [status, kind] : cases) {
        const auto outcome = http_error_outcome({.status = status, .body = "oops"});
        EXPECT_EQ(outcome.kind, kind) << status;
        EXPECT_EQ(outcome.error_code, "http_" + std::to_string(status));
        EXPECT_EQ(outcome.error_message,
                  "the endpoint answered " + std::to_string(status) + ": oops");
    }
}

TEST(EndpointError, KeepsTheServersCodeAndMessage) {
    const auto outcome = http_error_outcome(
        {.status = 404,
         .body = R"({"error":{"message":"no such model","type":"x","code":"model_not_found"}})"});
    EXPECT_EQ(outcome.error_code, "model_not_found");
    EXPECT_EQ(outcome.error_message, "the endpoint answered 404: no such model");
}

TEST(EndpointError, UnderstandsTheDialects) {
    const auto code = [](std::string_view body) {
        return http_error_outcome({.status = 400, .body = body}).error_code;
    };
    const auto message = [](std::string_view body) {
        return http_error_outcome({.status = 400, .body = body}).error_message;
    };
    EXPECT_EQ(code(R"({"error":{"message":"m","type":"invalid_request_error","code":400}})"),
              "invalid_request_error");
    EXPECT_EQ(code(R"({"error":{"message":"m","code":"two words"}})"), "http_400");
    EXPECT_EQ(message(R"({"error":"plain"})"), "the endpoint answered 400: plain");
    EXPECT_EQ(message(R"({"message":"top"})"), "the endpoint answered 400: top");
    EXPECT_EQ(message(R"({"detail":"fast"})"), "the endpoint answered 400: fast");
    EXPECT_EQ(message("two\nlines"), "the endpoint answered 400: two lines");
    EXPECT_EQ(message(""), "the endpoint answered 400");
}

TEST(EndpointError, GivesATooLongPromptOneCode) {
    for (const auto* body :
         {R"({"error":{"message":"m","code":"context_length_exceeded"}})",
          R"({"error":{"message":"m","type":"exceed_context_size_error","code":400}})",
          R"({"error":{"message":"This model's maximum context length is 9 tokens","code":400}})",
          R"({"message":"This model's maximum context length is 9 tokens","type":"BadRequest"})"}) {
        const auto outcome = http_error_outcome({.status = 400, .body = body});
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << body;
        EXPECT_EQ(outcome.error_code, "context_length_exceeded") << body;
    }
}

TEST(EndpointError, KeepsRetryAfterOnlyWhereItCounts) {
    const HttpError busy{.status = 429, .retry_after = milliseconds(1500)};
    EXPECT_EQ(http_error_outcome(busy).retry_after, milliseconds(1500));
    const HttpError broken{.status = 500, .retry_after = milliseconds(1500)};
    EXPECT_FALSE(http_error_outcome(broken).retry_after);
}

TEST(EndpointError, ShortensLongMessages) {
    const std::string body(10'000, 'x');
    EXPECT_LT(http_error_outcome({.status = 500, .body = body}).error_message.size(), 600U);
}

}  // namespace
}  // namespace millrace::worker
