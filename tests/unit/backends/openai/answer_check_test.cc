#include "worker/backends/openai/answer_check.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/backends/openai/assembled.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/serving/answer_class.h"
#include "worker/backends/serving/outage.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

constexpr ExpectedAnswer kEmbedding{.kind = RequestKind::kEmbeddings, .count = 1};
constexpr ExpectedAnswer kChat{.kind = RequestKind::kChat, .count = 1};

// --- Bodies -------------------------------------------------------------------------------------

TEST(UnstreamedOutcome, IsTheBodyByteForByte) {
    const std::string body =
        R"({ "object":"list", "id":18446744073709551616,
 "data":[{"index":0,"embedding":[1.0, 0.70,-0,1e-2]}],"b":"\u00e9\/","a":1,
 "usage":{"prompt_tokens":3}})";
    const auto outcome = unstreamed_outcome(kEmbedding, "\n " + body + "\r\n");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(outcome.output_json, body);
    EXPECT_EQ(outcome.usage, (Usage{3, 0}));
}

TEST(UnstreamedOutcome, TakesImages) {
    const std::string body = R"({"created":1,"data":[{"b64_json":"aGk="}],)"
                             R"("usage":{"input_tokens":5,"output_tokens":9}})";
    const auto outcome = unstreamed_outcome({.kind = RequestKind::kImages}, body);
    EXPECT_EQ(outcome.output_json, body);
    EXPECT_EQ(outcome.usage, (Usage{5, 9}));
}

TEST(UnstreamedOutcome, TakesACompletion) {
    for (const auto* reason : {"", R"(,"finish_reason":"stop")", R"(,"finish_reason":null)"}) {
        const auto body =
            R"({"choices":[{"message":{"content":null})" + std::string(reason) + "}]}";
        EXPECT_EQ(unstreamed_outcome(kChat, body).output_json, body);
    }
}

TEST(UnstreamedOutcome, ReplacesInvalidText) {
    const auto outcome = unstreamed_outcome(
        kChat,
        "{\"choices\":[{\"message\":{\"content\":\"a\xFF\\ud83d\"},\"logprob\":-Infinity}]}");
    EXPECT_EQ(
        outcome.output_json,
        "{\"choices\":[{\"message\":{\"content\":\"a\uFFFD\\ufffd\"},\"logprob\":\"-Infinity\"}]}");
    EXPECT_EQ(unstreamed_outcome(kEmbedding, R"({"data":[{"embedding":[1,NaN]}]})").error_code,
              "invalid_response");
}

TEST(UnstreamedOutcome, NeedsAsManyAsWereRequested) {
    const auto* one = R"({"data":[{"embedding":[1]}]})";
    EXPECT_EQ(unstreamed_outcome({.kind = RequestKind::kEmbeddings, .count = 2}, one).error_code,
              "invalid_response");
    EXPECT_EQ(unstreamed_outcome({.kind = RequestKind::kEmbeddings}, one).kind,
              OutcomeKind::kCompleted);
    const auto* two = R"({"choices":[{"text":"a"},{"text":"b"}]})";
    EXPECT_EQ(unstreamed_outcome({.kind = RequestKind::kCompletion, .count = 2}, two).kind,
              OutcomeKind::kCompleted);
    EXPECT_EQ(unstreamed_outcome({.kind = RequestKind::kCompletion, .count = 3}, two).error_code,
              "invalid_response");
}

TEST(UnstreamedOutcome, RefusesOtherAnswers) {
    const std::vector<std::pair<ExpectedAnswer, const char*>> cases{
        {kEmbedding, ""},
        {kEmbedding, "hello"},
        {kEmbedding, "{}"},
        {kEmbedding, R"({"data":null})"},
        {kEmbedding, R"({"data":[{"embedding":[]}]})"},
        {kEmbedding, R"({"data":[{"embedding":[1]}])"},
        {kChat, "[]"},
        {kChat, R"({"choices":[]})"},
        {kChat, R"({"choices":null})"},
        {kChat, R"({"choices":{}})"},
        {kChat, R"({"choices":[null]})"},
        {kChat, R"({"choices":[{"text":"a"}]})"},
        {kChat, R"({"choices":[{"message":null}]})"},
        {kChat, R"({"choices":[{"delta":{"content":"a"}}]})"},
        {{.kind = RequestKind::kCompletion}, R"({"choices":[{"text":null}]})"},
    };
    for (const auto& [expected, body] : cases) {
        const auto outcome = unstreamed_outcome(expected, body);
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << body;
        EXPECT_EQ(outcome.error_code, "invalid_response") << body;
    }
    EXPECT_EQ(unstreamed_outcome(kChat, R"({"choices":[{"message":{},"finish_reason":"abort"}]})")
                  .error_code,
              "generation_aborted");
}

// --- Errors, in all the places where servers put them -------------------------------------------

const std::vector<const char*> kErrors{
    R"({"error":{"message":"CUDA broke","type":"server_error"}})",
    R"({"error":"CUDA broke"})",
    R"({"error":{"error":{"message":"CUDA broke"}}})",
    R"({"error":[{"message":"CUDA broke"}]})",
    R"({"error":{"message":"CUDA broke"},"choices":[{"index":0,"delta":{"content":"x"}}]})",
    R"({"errors":[{"message":"CUDA broke"}]})",
    R"({"detail":"CUDA broke"})",
    R"({"detail":[{"loc":["body"],"msg":"CUDA broke"}]})",
    R"({"object":"error","message":"CUDA broke","type":"InternalServerError","code":500})",
    R"({"code":500,"message":"CUDA broke"})",
    R"({"error_code":336003,"error_msg":"CUDA broke"})",
    R"({"msg":"CUDA broke"})",
};

TEST(ErrorIn, IsFoundInAStream) {
    for (const auto* error : kErrors) {
        const auto result = assemble_chat({chat_text("half"), error});
        ASSERT_TRUE(result.early) << error;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable) << error;
        EXPECT_NE(result.early->error_message.find("CUDA broke"), std::string::npos)
            << error << ": " << result.early->error_message;
    }
}

TEST(ErrorIn, IsFoundInABody) {
    for (const auto* error : kErrors) {
        const auto outcome = unstreamed_outcome(kChat, error);
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << error;
        EXPECT_NE(outcome.error_message.find("CUDA broke"), std::string::npos) << error;
    }
    EXPECT_NE(unstreamed_outcome(kChat, R"([{"error":{"message":"CUDA broke"}}])")
                  .error_message.find("CUDA broke"),
              std::string::npos);
}

// Each nested error is searched again: to a small depth, not as deep as JSON may go.
TEST(ErrorIn, IsNotSearchedForAtAnyDepth) {
    const auto nested = [](int depth) {
        std::string text = R"({"message":"CUDA broke","code":"deep"})";
        for (int i = 0; i < depth; ++i) text = R"({"error":)" + text + "}";
        return text;
    };
    EXPECT_EQ(unstreamed_outcome(kChat, nested(4)).error_code, "deep");
    const auto deep = unstreamed_outcome(kChat, nested(150));
    EXPECT_EQ(deep.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(deep.error_code, "endpoint_error");
}

TEST(UnstreamedOutcome, APageIsNotAnAnswerOfTheModelServer) {
    for (const auto& expected : {kEmbedding, kChat}) {
        for (const std::string before : {"\n", "\xEF\xBB\xBF"}) {
            const auto outcome = unstreamed_outcome(
                expected,
                before + "<!doctype html><html><head><title>Back soon</title></head></html>");
            EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
            EXPECT_EQ(outcome.error_code, "endpoint_unavailable");
            EXPECT_NE(outcome.error_message.find("Back soon"), std::string::npos);
        }
    }
}

TEST(ErrorIn, MayBeANumberOrInAChoice) {
    EXPECT_EQ(assemble_chat({R"({"error":400})"}).early->kind, OutcomeKind::kPermanent);
    EXPECT_EQ(assemble_chat({R"({"error":true})"}).early->kind, OutcomeKind::kRetryable);
    const auto choice = assemble_chat(
        {R"({"choices":[{"index":0,"delta":{},"error":{"message":"gone","code":"provider"}}]})"});
    EXPECT_EQ(choice.early->error_code, "provider");
    const auto body = unstreamed_outcome(
        kChat, R"({"choices":[{"message":{"content":"x"},"error":{"code":"provider"}}]})");
    EXPECT_EQ(body.error_code, "provider");
}

TEST(ErrorIn, ABlankErrorDoesNotCount) {
    for (const auto* blank : {"null", "\"\"", "{}", "[]", "0", "false"}) {
        const auto chunk =
            R"({"error":)" + std::string(blank) +
            R"(,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]})";
        EXPECT_TRUE(assemble_chat({chunk, "[DONE]"}).is_complete()) << blank;
    }
}

TEST(ErrorIn, AKnownCodeCounts) {
    const auto known =
        assemble_chat({R"({"error":{"message":"no","type":"BadRequestError","code":400}})"});
    EXPECT_EQ(known.early->kind, OutcomeKind::kPermanent);
}

TEST(ErrorEvent, IsRecognisedWhateverItsData) {
    for (const auto* data :
         {"CUDA broke", "{\"message\":\"CUDA broke\"}", "{\"error\":\"CUDA broke\"}",
          "\"CUDA broke\"", "{\"text\":\"CUDA broke\"}", "7", "", "[DONE]"}) {
        const auto result = assemble(StreamOf{}, std::vector<http::ServerEvent>{
                                                     {.type = {}, .id = {}, .data = chat_text("a")},
                                                     {.type = "error", .id = {}, .data = data}});
        ASSERT_TRUE(result.early) << data;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable) << data;
    }
}

TEST(FinishOf, RecognisesValuesThatMeanNotYet) {
    for (const auto* text : {"null", "\"\"", "\"null\"", "\"None\"", "0", "[]", "{}"}) {
        EXPECT_EQ(finish_of(json_text::JsonView(text)), Finish::kNone) << text;
    }
    EXPECT_EQ(finish_of(json_text::JsonView("\"stop\"")), Finish::kFinished);
    EXPECT_EQ(finish_of(json_text::JsonView("\"Error\"")), Finish::kAborted);
}

// As it does in an answer that is only an error.
TEST(GatewayTimeout, InsideAnAnswerCountsAsAFailureIfItTookLong) {
    const std::vector<http::ServerEvent> events{
        {.type = {}, .id = {}, .data = R"({"error":{"message":"timeout","code":504}})"},
        {.type = {}, .id = {}, .data = R"({"error":{"error":{"message":"t","code":"524"}}})"},
        {.type = {}, .id = {}, .data = R"({"choices":[{"index":0,"error":{"code":408}}]})"},
        {.type = "error", .id = {}, .data = R"({"message":"timeout","code":"408"})"},
        {.type = "error", .id = {}, .data = "504"}};
    for (const auto& event : events) {
        const auto of = [&](milliseconds took) {
            return assemble({.took = took}, std::vector{event}).outcome;
        };
        EXPECT_TRUE(is_outage(of(milliseconds(0)))) << event.data;
        EXPECT_EQ(of(serving::kGatewayPatienceMin).kind, OutcomeKind::kRetryable) << event.data;
        EXPECT_TRUE(of(serving::kGatewayPatienceMin).error_code.starts_with("http_")) << event.data;
    }
    const ExpectedAnswer vectors{.kind = RequestKind::kEmbeddings, .output_bytes_max = 1000};
    for (const auto* body : {R"({"error":{"code":504}})", R"([{"error":{"code":504}}])"}) {
        EXPECT_TRUE(is_outage(unstreamed_outcome(vectors, body))) << body;
        const auto late = unstreamed_outcome(vectors, body, serving::kGatewayPatienceMin);
        EXPECT_EQ(late.error_code, "http_504") << body;
    }
}

}  // namespace
}  // namespace millrace::backends::openai
