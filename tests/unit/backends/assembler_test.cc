#include "worker/backends/openai/assembler.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::worker {
namespace {

using nlohmann::json;

struct Assembled {
    std::optional<Outcome> early;  // An event ended the attempt.
    std::string partial;
    bool complete = false;
    json output;
    Usage usage;
};

Assembled assemble(RequestKind kind, const std::vector<std::string>& events,
                   std::size_t bytes_max = 1000) {
    Assembler assembler(kind, bytes_max);
    Assembled result;
    for (const auto& event : events) {
        result.early = assembler.add(event, result.partial);
        if (result.early) return result;
    }
    result.complete = assembler.complete();
    if (!result.complete) return result;
    const auto outcome = assembler.outcome();
    result.output = json::parse(outcome.output_json);
    result.usage = outcome.usage;
    return result;
}

TEST(Assembler, PutsAChatTogether) {
    const auto result =
        assemble(RequestKind::kChat,
                 {R"({"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":[
              {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
                  R"({"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null})",
                  R"({"id":"c1","choices":[{"index":0,"delta":{"content":"lo"}}]})",
                  R"({"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
                  R"({"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,
                                             "total_tokens":11}})",
                  "[DONE]"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.partial, "Hello");
    EXPECT_EQ(result.usage, (Usage{9, 2}));
    EXPECT_EQ(result.output, json::parse(R"({
        "id":"c1","object":"chat.completion","created":5,"model":"m",
        "choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},
                    "finish_reason":"stop"}],
        "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})"));
}

TEST(Assembler, PutsATextCompletionWithSeveralChoicesTogether) {
    const auto result =
        assemble(RequestKind::kCompletion,
                 {R"({"choices":[{"index":1,"text":"b"},{"index":0,"text":"a"}]})",
                  R"({"choices":[{"index":0,"text":"A","finish_reason":"stop"}]})",
                  R"({"choices":[{"index":1,"text":"B","finish_reason":"length"}]})", "[DONE]"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.partial, "aA");
    EXPECT_EQ(result.output["choices"], json::parse(R"([
        {"index":0,"text":"aA","finish_reason":"stop"},
        {"index":1,"text":"bB","finish_reason":"length"}])"));
}

TEST(Assembler, PutsToolCallsTogether) {
    const auto result = assemble(
        RequestKind::kChat,
        {R"({"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":[
              {"index":0,"id":"t1","type":"function",
               "function":{"name":"mill","arguments":""}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[
              {"index":0,"id":"","type":null,"function":{"arguments":"{\"a\""}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]})",
         R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.partial, "");
    EXPECT_EQ(result.output["choices"][0]["message"], json::parse(R"({
        "role":"assistant","content":null,
        "tool_calls":[{"id":"t1","type":"function",
                       "function":{"name":"mill","arguments":"{\"a\":1}"}}]})"));
}

TEST(Assembler, KeepsSeveralToolCallsApart) {
    const auto result = assemble(
        RequestKind::kChat,
        {R"({"choices":[{"delta":{"tool_calls":[
              {"index":0,"id":"t1","type":"function","function":{"name":"a","arguments":""}},
              {"index":1,"id":"t2","type":"function","function":{"name":"b","arguments":""}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[
              {"index":1,"function":{"arguments":"{\"b\":"}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"2}"}}]},
                         "finish_reason":"tool_calls"}]})"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.output["choices"][0]["message"]["tool_calls"], json::parse(R"([
        {"id":"t1","type":"function","function":{"name":"a","arguments":"{}"}},
        {"id":"t2","type":"function","function":{"name":"b","arguments":"{\"b\":2}"}}])"));
}

TEST(Assembler, TakesAToolCallThatIsNoList) {
    const auto result =
        assemble(RequestKind::kChat,
                 {R"({"choices":[{"delta":{"tool_calls":
              {"index":0,"id":"t1","function":{"name":"a","arguments":"{"}}}}]})",
                  R"({"choices":[{"delta":{"tool_calls":{"index":0,"function":{"arguments":"}"}}},
                         "finish_reason":"stop"}]})"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.output["choices"][0]["message"]["tool_calls"],
              json::parse(R"([{"id":"t1","function":{"name":"a","arguments":"{}"}}])"));
}

TEST(Assembler, EndsTheAttemptWhenTheServerGaveUp) {
    for (const auto* reason : {"abort", "error"}) {
        const auto result = assemble(
            RequestKind::kChat,
            {R"({"choices":[{"delta":{"content":"a"}}]})",
             R"({"choices":[{"delta":{},"finish_reason":")" + std::string(reason) + R"("}]})"});
        ASSERT_TRUE(result.early) << reason;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable);
        EXPECT_EQ(result.early->error_code, "generation_aborted");
    }
}

TEST(Assembler, KeepsReasoningAndLogprobs) {
    const auto result =
        assemble(RequestKind::kChat,
                 {R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"},
              "logprobs":{"content":[{"token":"h"}]}}]})",
                  R"({"choices":[{"index":0,"delta":{"reasoning_content":"m","content":"x"},
              "logprobs":{"content":[{"token":"x"}]},"finish_reason":"stop"}]})"});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.partial, "x");
    EXPECT_EQ(result.output["choices"][0]["message"]["reasoning_content"], "hmm");
    EXPECT_EQ(result.output["choices"][0]["logprobs"]["content"].size(), 2U);
}

TEST(Assembler, IsNotCompleteInTheMiddle) {
    EXPECT_FALSE(assemble(RequestKind::kChat, {}).complete);
    EXPECT_FALSE(assemble(RequestKind::kChat, {"[DONE]"}).complete);
    EXPECT_FALSE(
        assemble(RequestKind::kChat, {R"({"choices":[{"delta":{"content":"a"}}]})"}).complete);
}

TEST(Assembler, EndsTheAttemptOnGarbage) {
    for (const auto* event : {"<html>", "[]", R"({"choices":5})", R"({"choices":[7]})",
                              R"({"choices":[{"delta":"x","index":"y"}]})",
                              R"({"choices":[{"delta":{"tool_calls":[1]}}]})", "\xFF"}) {
        const auto result = assemble(RequestKind::kChat, {event});
        ASSERT_TRUE(result.early) << event;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable) << event;
        EXPECT_EQ(result.early->error_code, "invalid_response") << event;
    }
    const auto text = assemble(RequestKind::kCompletion, {R"({"choices":[{"text":5}]})"});
    ASSERT_TRUE(text.early);
    EXPECT_EQ(text.early->error_code, "invalid_response");
}

TEST(Assembler, EndsTheAttemptOnAnErrorInTheStream) {
    const auto unknown = assemble(RequestKind::kChat, {R"({"error":{"message":"CUDA broke"}})"});
    ASSERT_TRUE(unknown.early);
    EXPECT_EQ(unknown.early->kind, OutcomeKind::kRetryable);
    EXPECT_EQ(unknown.early->error_code, "endpoint_error");
    EXPECT_NE(unknown.early->error_message.find("CUDA broke"), std::string::npos);

    const auto known = assemble(
        RequestKind::kChat, {R"({"error":{"message":"no","type":"BadRequestError","code":400}})"});
    ASSERT_TRUE(known.early);
    EXPECT_EQ(known.early->kind, OutcomeKind::kPermanent);
    EXPECT_EQ(known.early->error_code, "badrequesterror");
}

TEST(Assembler, BoundsTheOutput) {
    const std::string text(60, 'x');
    const auto event = R"({"choices":[{"delta":{"content":")" + text + R"("}}]})";
    EXPECT_FALSE(assemble(RequestKind::kChat, {event}, 100).early);
    const auto result = assemble(RequestKind::kChat, {event, event}, 100);
    ASSERT_TRUE(result.early);
    EXPECT_EQ(result.early->kind, OutcomeKind::kPermanent);
    EXPECT_EQ(result.early->error_code, "output_too_large");
}

TEST(UnstreamedOutcome, TakesTheAnswerAsItIs) {
    const std::string body =
        R"({"object":"list","data":[{"embedding":[1]}],"usage":{"prompt_tokens":3}})";
    const auto outcome = unstreamed_outcome(RequestKind::kEmbeddings, body);
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted);
    EXPECT_EQ(json::parse(outcome.output_json), json::parse(body));
    EXPECT_EQ(outcome.usage, (Usage{3, 0}));
}

TEST(UnstreamedOutcome, TakesImages) {
    const std::string body =
        R"({"created":1,"data":[{"b64_json":"aGk="}],
            "usage":{"input_tokens":5,"output_tokens":9}})";
    const auto outcome = unstreamed_outcome(RequestKind::kImages, body);
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted);
    EXPECT_EQ(json::parse(outcome.output_json), json::parse(body));
    EXPECT_EQ(outcome.usage, (Usage{5, 9}));
}

TEST(UnstreamedOutcome, RefusesOtherAnswers) {
    EXPECT_EQ(unstreamed_outcome(RequestKind::kEmbeddings, "hello").error_code, "invalid_response");
    EXPECT_EQ(unstreamed_outcome(RequestKind::kEmbeddings, "{}").error_code, "invalid_response");
    EXPECT_EQ(unstreamed_outcome(RequestKind::kChat, R"({"choices":[]})").error_code,
              "invalid_response");
    EXPECT_EQ(unstreamed_outcome(RequestKind::kChat, R"({"error":"busy"})").error_code,
              "endpoint_error");
}

}  // namespace
}  // namespace millrace::worker
