// The openai backend on a real llama-server: each job's answer equals the server's answer to a
// direct request, and no fault of the server costs a job.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "tests/integration/backends/llama_server.h"
#include "tests/integration/backends/model_server.h"
#include "tests/support/eventually.h"
#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/openai/openai_backend.h"

namespace millrace::backends {
namespace {

using Json = nlohmann::ordered_json;

// Forbids reuse of what the server computed for another job: a text must not depend on earlier
// ones.
constexpr auto kExact = R"("temperature":0,"seed":1,"cache_prompt":false)";
// Starts of texts that do not end by themselves and are long enough for all else to happen
// meanwhile.
constexpr auto kEndless =
    R"({"prompt":"Once upon a time","max_tokens":900,"ignore_eos":true,"temperature":0})";
constexpr auto kRain = R"({"messages":[{"role":"user","content":"Why does it rain?"}],)";

std::string chat(const std::string& rest, int tokens = 24) {
    return fmt::format(R"({}"max_tokens":{},{}{}}})", kRain, tokens, kExact, rest);
}

std::string prompt(const std::string& text, const std::string& rest = "", int tokens = 16) {
    return fmt::format(R"({{"prompt":{},"max_tokens":{},{}{}}})", text, tokens, kExact, rest);
}

class LlamaServerTest : public testing::Test {
 protected:
    // For SetUpTestSuite and SetUp of the suites that share a server.
    using Server = Result<std::unique_ptr<LlamaServer>>;

    void start(const Server& server, openai::OpenAiOptions options = {}) {
        if (!is_there(server)) return;
        server_ = server->get();
        options.base_urls = {server_->url()};
        backend_ = std::make_unique<openai::OpenAiBackend>(std::move(options));
        const auto status = backend_->start(sink_);
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    AttemptKey run(const std::string& input) {
        return run_one(*backend_, {.model = "smol", .input = input});
    }
    Outcome outcome_of(const std::string& input) { return sink_.outcome(run(input)); }
    Json output_of(const std::string& input) {
        const auto outcome = outcome_of(input);
        EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted)
            << outcome.error_code << ": " << outcome.error_message << "\n"
            << input;
        return outcome.output_json.empty() ? Json() : Json::parse(outcome.output_json);
    }
    // Runs the job as a worker does: again, while that may help. Each attempt itself waits for a
    // server.
    Outcome outcome_in_the_end(std::optional<AttemptKey> key, const std::string& input) {
        Outcome outcome;
        EXPECT_TRUE(test::eventually(
            [&] {
                outcome = sink_.outcome(key ? *key : run(input));
                key.reset();
                return outcome.kind != OutcomeKind::kRateLimited &&
                       outcome.kind != OutcomeKind::kRetryable;
            },
            "the job ends", std::chrono::seconds(120)));
        return outcome;
    }
    // Compares texts, reasons, tool calls, tokens and usage: all but ids and times.
    void expect_same(const std::string& path, const std::string& input) {
        const auto direct = server_->ask(path, input);
        const auto ours = output_of(input);
        ASSERT_TRUE(direct.contains("choices") && ours.contains("choices")) << ours;
        EXPECT_EQ(without_ids(ours["choices"]).dump(), without_ids(direct["choices"]).dump());
        for (const auto* count : {"prompt_tokens", "completion_tokens"}) {
            EXPECT_EQ(ours["usage"][count], direct["usage"][count]) << input;
        }
    }
    static nlohmann::json without_ids(nlohmann::json choices) {
        for (auto& choice : choices) {
            if (choice.contains("logprobs") && choice["logprobs"].is_null())
                choice.erase("logprobs");
            if (!choice.contains("message") || !choice["message"].contains("tool_calls")) continue;
            for (auto& call : choice["message"]["tool_calls"]) call.erase("id");
            auto& content = choice["message"]["content"];
            if (content.is_string() && content.get_ref<std::string&>().empty()) content = nullptr;
        }
        return choices;
    }

    LlamaServer* server_ = nullptr;
    RecordingSink sink_;
    std::unique_ptr<openai::OpenAiBackend> backend_;
};

// One server for all of these tests.
class OpenAiOnLlamaServer : public LlamaServerTest {
 protected:
    static void SetUpTestSuite() {
        shared_ = new auto(LlamaServer::start({"--chat-template", "chatml"}));
    }
    static void TearDownTestSuite() { delete std::exchange(shared_, nullptr); }
    void SetUp() override { start(*shared_); }

    static Server* shared_;
};

LlamaServerTest::Server* OpenAiOnLlamaServer::shared_ = nullptr;

TEST_F(OpenAiOnLlamaServer, FindsItsModelsAndSlots) {
    EXPECT_EQ(backend_->info().models, std::vector<std::string>{"smol"});
    EXPECT_EQ(backend_->info().slots, 4U);
}

TEST_F(OpenAiOnLlamaServer, ChatsAsTheServerDoes) {
    for (const auto* rest :
         {"", R"(,"stop":["the"])", R"(,"n":2)", R"(,"logprobs":true,"top_logprobs":2)",
          R"(,"logit_bias":[[28,-100]])", R"(,"top_k":1,"min_p":0.1)"}) {
        expect_same("/chat/completions", chat(rest));
    }
}

TEST_F(OpenAiOnLlamaServer, CompletesAsTheServerDoes) {
    for (const auto& input :
         {prompt(R"("Once upon a time")"), prompt(R"("1 2 3 4")", R"(,"stop":[" 6"])"),
          prompt("[504,2501,253,655]"), prompt(R"("一二三 😀 ")"), prompt(R"("a\u0001b")"),
          prompt(R"("Once")", R"(,"n":3)"), prompt(R"("A:")", R"(,"grammar":"root ::= [a-c]+")"),
          prompt(R"("Yes or no? ")", R"(,"grammar":"root ::= \"yes\" | \"no\"")")}) {
        expect_same("/completions", input);
    }
}

TEST_F(OpenAiOnLlamaServer, ShowsWhatItGenerates) {
    const auto key = run(chat(""));
    const auto output = Json::parse(sink_.outcome(key).output_json);
    EXPECT_EQ(sink_.record(key).text, output["choices"][0]["message"]["content"]);
    EXPECT_GT(sink_.record(key).partials.size(), 1U);
}

TEST_F(OpenAiOnLlamaServer, KeepsTheOrderOfASchema) {
    const auto input =
        chat(R"(,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{)"
             R"("type":"object","required":["reasoning","answer"],"properties":{)"
             R"("reasoning":{"type":"string","maxLength":20},"answer":{"type":"integer"}}}}})",
             60);
    expect_same("/chat/completions", input);
    const auto text = output_of(input)["choices"][0]["message"]["content"].get<std::string>();
    const auto value = Json::parse(text);
    EXPECT_EQ(value.begin().key(), "reasoning") << text;
}

TEST_F(OpenAiOnLlamaServer, GivesTwoPromptsTwoChoices) {
    const auto input = prompt(R"(["Once upon a time","The capital of France"])");
    const auto direct = server_->ask("/completions", input);
    const auto ours = output_of(input);
    ASSERT_EQ(ours["choices"].size(), 2U) << ours;
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(ours["choices"][i]["text"], direct["choices"][i]["text"]);
    }
}

TEST_F(OpenAiOnLlamaServer, APromptBeyondTheContextFailsForGood) {
    std::string words;
    for (int i = 0; i < 2000; ++i) words += "mill ";
    for (const auto& input :
         {fmt::format(R"({{"prompt":"{}"}})", words),
          fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})", words)}) {
        const auto outcome = outcome_of(input);
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
        EXPECT_EQ(outcome.error_code, "context_length_exceeded") << outcome.error_message;
    }
}

TEST_F(OpenAiOnLlamaServer, ReportsWhatIsWrong) {
    for (const auto& input : {prompt(R"("a")", R"(,"grammar":"root := [")"),
                              chat(R"(,"response_format":{"type":"poem"})"),
                              std::string(R"({"messages":[{"role":"user"}]})")}) {
        const auto outcome = outcome_of(input);
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << outcome.error_message << input;
        EXPECT_FALSE(outcome.error_message.empty());
    }
}

TEST_F(OpenAiOnLlamaServer, WhatItCannotDoCostsOtherJobsNothing) {
    for (int i = 0; i < 12; ++i) {
        const auto outcome = outcome_of(R"({"input":"a text"})");
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << outcome.error_message;
        EXPECT_NE(outcome.error_message.find("--embeddings"), std::string::npos)
            << outcome.error_message;
    }
    EXPECT_EQ(outcome_of(chat("")).kind, OutcomeKind::kCompleted);
}

TEST_F(OpenAiOnLlamaServer, ACancelFreesTheSlot) {
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(run(kEndless));
    for (const auto& key : keys) sink_.wait_for_partial(key);
    EXPECT_EQ(server_->busy_slots(), 4);
    for (const auto& key : keys) backend_->abort(key, AbortReason::kCancelled);
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCancelled);
    EXPECT_TRUE(test::eventually([&] { return server_->busy_slots() == 0; }, "all slots are free"));
}

TEST_F(OpenAiOnLlamaServer, ADeadlineFreesTheSlot) {
    const auto key = run(kEndless);
    sink_.wait_for_partial(key);
    backend_->abort(key, AbortReason::kDeadline);
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kTimeout);
    EXPECT_TRUE(test::eventually([&] { return server_->busy_slots() == 0; }, "all slots are free"));
}

TEST_F(OpenAiOnLlamaServer, RunsManyAtOnce) {
    const auto input = chat("");
    const auto direct = server_->ask("/chat/completions", input)["usage"];
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 12; ++i) keys.push_back(run(input));
    for (const auto& key : keys) {
        const auto outcome = sink_.outcome(key);
        ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        // In a batch the library rounds differently, so texts may differ; the prompt's tokens do
        // not.
        EXPECT_EQ(Json::parse(outcome.output_json)["usage"]["prompt_tokens"],
                  direct["prompt_tokens"]);
    }
}

class OpenAiOnLlamaServerAlone : public LlamaServerTest {};

TEST_F(OpenAiOnLlamaServerAlone, EmbedsAsTheServerDoes) {
    const auto server = LlamaServer::start({"--embeddings", "--pooling", "mean"});
    start(server);
    if (!backend_) return;
    for (const auto* input : {R"({"input":"a text"})", R"({"input":["one","two"]})"}) {
        const auto direct = server_->ask("/embeddings", input);
        const auto ours = output_of(input);
        ASSERT_EQ(ours["data"].size(), direct["data"].size());
        for (std::size_t i = 0; i < direct["data"].size(); ++i) {
            EXPECT_EQ(ours["data"][i]["embedding"].size(), 576U);
            EXPECT_EQ(ours["data"][i]["embedding"], direct["data"][i]["embedding"]);
        }
        EXPECT_EQ(ours["usage"]["prompt_tokens"], direct["usage"]["prompt_tokens"]);
    }
    std::string words;
    for (int i = 0; i < 2000; ++i) words += "mill ";
    const auto outcome = outcome_of(fmt::format(R"({{"input":"{}"}})", words));
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "context_length_exceeded") << outcome.error_message;
}

TEST_F(OpenAiOnLlamaServerAlone, CallsToolsAsTheServerDoes) {
    const auto server =
        LlamaServer::start({"--jinja", "--chat-template-file", LlamaServer::tools_template()});
    start(server);
    if (!backend_) return;
    const auto input = chat(
        R"(,"tool_choice":"required","tools":[{"type":"function","function":{"name":"weather",)"
        R"("description":"tells the weather","parameters":{"type":"object",)"
        R"("required":["place","day"],"properties":{"place":{"type":"string"},)"
        R"("day":{"type":"string","enum":["today","tomorrow"]}}}}}])",
        60);
    expect_same("/chat/completions", input);
    const auto calls = output_of(input)["choices"][0]["message"]["tool_calls"];
    ASSERT_EQ(calls.size(), 1U) << calls;
    EXPECT_EQ(calls[0]["function"]["name"], "weather");
    const auto arguments = Json::parse(calls[0]["function"]["arguments"].get<std::string>());
    EXPECT_EQ(arguments.begin().key(), "place");
}

TEST_F(OpenAiOnLlamaServerAlone, DiesAndComesBackAndNoJobIsLost) {
    const auto server = LlamaServer::start({"--chat-template", "chatml"});
    start(server);
    if (!backend_) return;
    const auto input = prompt(R"("Once upon a time")", R"(,"ignore_eos":true)", 200);
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(run(input));
    for (const auto& key : keys) sink_.wait_for_partial(key);
    server_->kill();
    for (const auto& key : keys) {
        // Half a text must not count as a result.
        EXPECT_NE(sink_.outcome(key).kind, OutcomeKind::kCompleted);
        EXPECT_NE(sink_.outcome(key).kind, OutcomeKind::kPermanent);
    }
    ASSERT_TRUE(server_->start_again().has_value());
    for (const auto& key : keys) {
        const auto outcome = outcome_in_the_end(key, input);
        ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        EXPECT_EQ(Json::parse(outcome.output_json)["usage"]["completion_tokens"], 200);
    }
}

TEST_F(OpenAiOnLlamaServerAlone, MayComeLaterThanItsJobs) {
    const auto server = LlamaServer::prepare({"--chat-template", "chatml"});
    start(server, {.models = {"smol"}});
    if (!backend_) return;
    const auto input = chat("");
    const auto early = run(input);
    EXPECT_EQ(sink_.outcome(early).kind, OutcomeKind::kRateLimited);
    ASSERT_TRUE(server_->start_again().has_value());
    const auto outcome = outcome_in_the_end(early, input);
    EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
}

}  // namespace
}  // namespace millrace::backends
