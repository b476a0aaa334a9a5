#include "worker/backends/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::backends {
namespace {

Result<ModelRequest> parse(std::string_view text) {
    TRY(const auto input, parse_input(text));
    return parse_request(input);
}

TEST(ModelRequest, ReadsAChatWithItsSamplingParameters) {
    const auto request = parse(R"({
        "messages": [{"role":"system","content":"be brief"},
                     {"role":"user","content":[{"type":"text","text":"a"},
                                               {"type":"text","text":"b"}]}],
        "max_tokens": 7, "temperature": 0, "top_p": 0.5, "top_k": 3, "min_p": 0.1,
        "seed": -1, "stop": "END"})");
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_EQ(request->kind, RequestKind::kChat);
    ASSERT_EQ(request->messages.size(), 2U);
    EXPECT_EQ(request->messages[0].role, "system");
    EXPECT_EQ(request->messages[1].content, "ab");
    EXPECT_FALSE(request->has_media);
    EXPECT_EQ(request->sampling.max_tokens, 7);
    EXPECT_EQ(request->sampling.temperature, 0.0);
    EXPECT_EQ(request->sampling.top_p, 0.5);
    EXPECT_EQ(request->sampling.top_k, 3);
    EXPECT_EQ(request->sampling.min_p, 0.1);
    EXPECT_EQ(request->sampling.seed, 0xFFFFFFFFU);
    EXPECT_EQ(request->sampling.stop, std::vector<std::string>{"END"});
}

TEST(ModelRequest, ReadsPromptsAndEmbeddingInputs) {
    const auto prompt = parse(R"({"prompt":"once"})");
    ASSERT_TRUE(prompt.has_value());
    EXPECT_EQ(prompt->kind, RequestKind::kCompletion);
    EXPECT_EQ(prompt->texts, std::vector<std::string>{"once"});

    const auto one = parse(R"({"input":"a"})");
    ASSERT_TRUE(one.has_value());
    EXPECT_EQ(one->kind, RequestKind::kEmbeddings);
    const auto two = parse(R"({"input":["a","b"]})");
    ASSERT_TRUE(two.has_value());
    EXPECT_EQ(two->texts, (std::vector<std::string>{"a", "b"}));
}

TEST(ModelRequest, TreatsNullAsAbsent) {
    const auto request = parse(R"({"prompt":"a","messages":null,"max_tokens":null,"stop":null,
                                   "seed":null,"temperature":null})");
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_FALSE(request->sampling.max_tokens);
    EXPECT_FALSE(request->sampling.seed);
}

TEST(ModelRequest, PrefersMaxCompletionTokens) {
    const auto request = parse(R"({"prompt":"a","max_tokens":5,"max_completion_tokens":9})");
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->sampling.max_tokens, 9);
}

TEST(ModelRequest, RecognisesPartsThatAreNotText) {
    const auto request = parse(R"({"messages":[{"role":"user","content":[
        {"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"x"}}]}]})");
    ASSERT_TRUE(request.has_value());
    EXPECT_TRUE(request->has_media);
    EXPECT_EQ(request->messages[0].content, "what is this?");
}

TEST(ModelRequest, NamesWhatIsWrong) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{", "not valid JSON"},
        {"[]", "must be a JSON object"},
        {"{}", "needs one of"},
        {R"({"prompt":"a","input":"b"})", "more than one"},
        {R"({"messages":[]})", "'messages'"},
        {R"({"messages":[{"content":"a"}]})", "messages[0]"},
        {R"({"messages":[{"role":"user","content":5}]})", "messages[0].content"},
        {R"({"messages":[{"role":"user","content":[{"text":"a"}]}]})", "messages[0].content"},
        {R"({"prompt":["a","b"]})", "'prompt'"},
        {R"({"input":[]})", "'input'"},
        {R"({"input":[1,2]})", "'input'"},
        {R"({"image_prompt":["a"]})", "'image_prompt'"},
        {R"({"prompt":"a","max_tokens":0})", "'max_tokens'"},
        {R"({"prompt":"a","max_tokens":1.5})", "'max_tokens'"},
        {R"({"prompt":"a","max_tokens":99999999999999999999})", "'max_tokens'"},
        {R"({"prompt":"a","temperature":"hot"})", "'temperature'"},
        {R"({"prompt":"a","temperature":-1})", "'temperature'"},
        {R"({"prompt":"a","top_p":0})", "'top_p'"},
        {R"({"prompt":"a","min_p":2})", "'min_p'"},
        {R"({"prompt":"a","seed":"x"})", "'seed'"},
        {R"({"prompt":"a","stop":[""]})", "'stop'"},
        {R"({"prompt":"a","stop":{"a":1}})", "'stop'"},
    };
    for (const auto& [text, part] : cases) {
        const auto request = parse(text);
        ASSERT_FALSE(request.has_value()) << text;
        EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
        EXPECT_NE(request.error().message.find(part), std::string::npos)
            << text << ": " << request.error().message;
    }
}

TEST(InputMembers, AreReadUpToABound) {
    std::string text = R"({"prompt":"p")";
    for (int i = 1; i < 1000; ++i) text += R"(,"a":1)";
    EXPECT_EQ(input_members(text + "}").value().size(), 1000U);
    const auto too_many = input_members(text + R"(,"a":1})");
    EXPECT_EQ(too_many.error().message, "the input has more than 1000 members");
}

}  // namespace
}  // namespace millrace::backends
