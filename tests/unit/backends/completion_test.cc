#include "worker/backends/completion.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::backends {
namespace {

using nlohmann::json;

const WallTime kCreated{std::chrono::microseconds(1'700'000'000'500'000)};

TEST(Completion, HasTheShapeOfOpenAisChatCompletion) {
    const auto text = completion_json({.kind = RequestKind::kChat,
                                       .id = "job_1",
                                       .model = "m\"1",
                                       .text = "say \"hi\"\n",
                                       .finish_reason = "stop",
                                       .usage = {3, 2}},
                                      kCreated);
    EXPECT_EQ(json::parse(text), json::parse(R"({
        "id":"job_1","object":"chat.completion","created":1700000000,"model":"m\"1",
        "choices":[{"index":0,"message":{"role":"assistant","content":"say \"hi\"\n"},
                    "finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"));
}

TEST(Completion, HasTheShapeOfOpenAisTextCompletion) {
    const auto text = completion_json({.kind = RequestKind::kCompletion,
                                       .id = "job_1",
                                       .model = "m",
                                       .text = "once",
                                       .finish_reason = "length",
                                       .usage = {1, 1}},
                                      kCreated);
    EXPECT_EQ(json::parse(text), json::parse(R"({
        "id":"job_1","object":"text_completion","created":1700000000,"model":"m",
        "choices":[{"index":0,"text":"once","finish_reason":"length"}],
        "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})"));
}

TEST(Completion, IsJsonEvenIfTheTextIsNotUtf8) {
    const auto text = completion_json({.text = "a\xFF", .finish_reason = "stop"}, kCreated);
    EXPECT_EQ(json::parse(text)["choices"][0]["message"]["content"], "a\uFFFD");
}

TEST(Completion, ListsEmbeddingsInOrder) {
    const std::vector<std::vector<float>> vectors{{0.5F, 1}, {0, -1}};
    EXPECT_EQ(json::parse(embeddings_json("m", vectors, {4, 0})), json::parse(R"({
        "object":"list","model":"m",
        "data":[{"object":"embedding","index":0,"embedding":[0.5,1.0]},
                {"object":"embedding","index":1,"embedding":[0.0,-1.0]}],
        "usage":{"prompt_tokens":4,"total_tokens":4}})"));
}

}  // namespace
}  // namespace millrace::backends
