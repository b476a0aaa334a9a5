// The openai backend on every kind of server that it knows, in the dialect of each.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"
#include "tests/support/openai_manners.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

std::string asking(const std::string& what) {
    return json{{"messages", {{{"role", "user"}, {"content", what}}}}}.dump();
}

class OpenAiServers : public OpenAi, public testing::WithParamInterface<test::OpenAiManner> {
 protected:
    void SetUp() override {
        start_with(test::handler_of(GetParam()), {.models = {"m"}, .profile = GetParam().profile});
    }
};

TEST_P(OpenAiServers, AreRecognisedByTheirModelList) {
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server_->url()}});
    const auto status = backend.start(sink);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    EXPECT_EQ(backend.info().models, std::vector<std::string>{"m"});
    const auto key = run_one(backend, {.model = "m", .input = asking("chat")});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    const auto list = openai::parse_model_list(GetParam().model_list).value();
    EXPECT_EQ(openai::find_profile_by_models(list).name, GetParam().profile);
}

TEST_P(OpenAiServers, Chat) {
    const auto key = run(asking("chat"));
    const auto outcome = sink_.outcome(key);
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto output = json::parse(outcome.output_json);
    EXPECT_EQ(output["id"], "c1");
    EXPECT_EQ(output["object"], "chat.completion");
    EXPECT_EQ(output["choices"].size(), 1U);
    EXPECT_EQ(output["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(output["choices"][0]["message"]["role"], "assistant");
    EXPECT_EQ(output["choices"][0]["message"]["content"], "Hello");
    EXPECT_EQ(sink_.record(key).text, "Hello");
    EXPECT_EQ(outcome.usage, GetParam().counts ? (Usage{4, 2}) : Usage{});
}

TEST_P(OpenAiServers, CallTools) {
    const auto outcome = outcome_of(asking("tools"));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto message = json::parse(outcome.output_json)["choices"][0]["message"];
    ASSERT_EQ(message["tool_calls"].size(), 2U) << message;
    const auto& [f, g] = std::pair(message["tool_calls"][0], message["tool_calls"][1]);
    EXPECT_EQ(f["id"], "t1");
    EXPECT_EQ(f["function"], json::parse(R"({"name":"f","arguments":"{\"x\":1}"})"));
    EXPECT_EQ(g["id"], "t2");
    EXPECT_EQ(g["function"], json::parse(R"({"name":"g","arguments":"{}"})"));
    EXPECT_TRUE(message["content"].is_null());
}

TEST_P(OpenAiServers, HalfAnAnswerIsNeverAccepted) {
    for (const auto* end : {"cut", "failure"}) {
        const auto key = run(asking(end));
        const auto outcome = sink_.outcome(key);
        const bool comes_again =
            outcome.kind == OutcomeKind::kRetryable || outcome.kind == OutcomeKind::kRateLimited;
        EXPECT_TRUE(comes_again) << end << " " << outcome.error_code;
        EXPECT_FALSE(outcome.error_message.empty());
    }
}

TEST_P(OpenAiServers, RefuseAPromptThatIsTooLong) {
    if (GetParam().too_long.status == 0) return;
    const auto outcome = outcome_of(asking("too long"));
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << outcome.error_message;
}

TEST_P(OpenAiServers, CostNoAttemptWhenBusy) {
    if (GetParam().busy.status == 0) return;
    const auto outcome = outcome_of(asking("busy"));
    EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited) << outcome.error_message;
}

TEST_P(OpenAiServers, EmbedByteForByte) {
    const auto& answer = GetParam().embeddings;
    if (answer.status == 0) return;
    const auto outcome = outcome_of(R"({"input":"a"})");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(outcome.output_json, answer.body);
    const bool counted = answer.body.find("usage") != std::string::npos;
    EXPECT_EQ(outcome.usage, counted ? (Usage{4, 0}) : Usage{});
}

INSTANTIATE_TEST_SUITE_P(All, OpenAiServers, testing::ValuesIn(test::openai_manners()),
                         [](const auto& test) {
                             std::string name;
                             for (const char c : test.param.name) {
                                 if (std::isalnum(static_cast<unsigned char>(c))) name += c;
                             }
                             return name;
                         });

}  // namespace
}  // namespace millrace::backends
