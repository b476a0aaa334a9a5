// What the openai backend finds out of its endpoints before it is ready.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"

namespace millrace::worker {
namespace {

using nlohmann::json;

// Answers GET /models with one model of that owner, and chats.
FakeServer::Handler server_of(const std::string& model, const std::string& owner) {
    const auto models = json{{"data", json::array({{{"id", model}, {"owned_by", owner}}})}}.dump();
    return [models](Exchange& exchange) {
        if (exchange.target() == "GET /v1/models") {
            return exchange.reply(200, "application/json", models);
        }
        if (exchange.target() == "GET /props") {
            return exchange.reply(200, "application/json", R"({"total_slots":3})");
        }
        answer_hello(exchange);
    };
}

TEST(OpenAiStart, AsksTheServerForItsModels) {
    FakeServer server([](Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "GET /v1/models");
        EXPECT_EQ(exchange.header("authorization"), "Bearer sk-1");
        exchange.reply(200, "application/json", R"({"data":[{"id":"a"},{"id":"b"}]})");
    });
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {server.url()}, .api_key = "sk-1"});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(backend.info().slots, 8U);
}

TEST(OpenAiStart, SaysWhatToChange) {
    RecordingSink sink;
    const auto message_for = [&](OpenAiOptions options) {
        const auto status = OpenAiBackend(std::move(options)).start(sink);
        return status.has_value() ? "" : status.error().message;
    };
    const auto dead = fmt::format("http://127.0.0.1:{}", unused_port());
    const auto refused = message_for({.base_urls = {dead}});
    EXPECT_NE(refused.find(dead), std::string::npos) << refused;
    FakeServer server(
        [](Exchange& exchange) { exchange.reply(401, "application/json", R"({"error":"sk-1"})"); });
    const auto denied = message_for({.base_urls = {server.url()}, .api_key = "sk-1"});
    EXPECT_NE(denied.find("API key"), std::string::npos) << denied;
    EXPECT_EQ(denied.find("sk-1"), std::string::npos) << denied;
    EXPECT_NE(message_for({.base_urls = {"localhost:1"}}), "");
    EXPECT_NE(message_for({}), "");
}

TEST(OpenAiStart, EachServerServesWhatItSays) {
    FakeServer one(server_of("a", ""));
    FakeServer two(server_of("b", ""));
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {one.url(), two.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"a", "b"}));
    for (const auto* model : {"a", "b", "b"}) {
        const auto key = run_one(backend, {.model = model, .input = kChat});
        EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    }
    EXPECT_EQ(one.requests(), 2);  // With that for its models.
    EXPECT_EQ(two.requests(), 3);
    backend.stop();
}

TEST(OpenAiStart, TakesASilentServerForOneMoreOfTheSame) {
    FakeServer server(server_of("a", ""));
    const auto dead = fmt::format("http://127.0.0.1:{}", unused_port());
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {dead, server.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().slots, 16U);
}

TEST(OpenAiStart, NamedModelsNeedNoServer) {
    const auto dead = fmt::format("http://127.0.0.1:{}", unused_port());
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {dead}, .models = {"m"}});
    EXPECT_TRUE(backend.start(sink).has_value());
}

TEST(OpenAiStart, LlamaServerSaysHowManyItRunsAtOnce) {
    FakeServer server(server_of("a", "llamacpp"));
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {server.url()}, .slots = 20});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().slots, 3U);
    backend.stop();

    OpenAiBackend told({.base_urls = {server.url() + ";slots=5"}});
    ASSERT_TRUE(told.start(sink).has_value());
    EXPECT_EQ(told.info().slots, 5U);
}

TEST(OpenAiStart, VllmGetsTheAttemptsId) {
    std::atomic<bool> has_id{false};
    const auto vllm = server_of("a", "vllm");
    FakeServer server([&](Exchange& exchange) {
        if (exchange.target().starts_with("POST")) {
            has_id =
                json::parse(exchange.body())["request_id"].get<std::string>().starts_with("job_");
        }
        vllm(exchange);
    });
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {server.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    const auto key = run_one(backend, {.model = "a", .input = kChat});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_TRUE(has_id);
    backend.stop();
}

TEST(OpenAiStart, WarmsEachModelUp) {
    std::atomic<int> warmed{0};
    FakeServer server([&](Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "POST /v1/chat/completions");
        const auto body = json::parse(exchange.body());
        EXPECT_EQ(body["max_tokens"], 1);
        ++warmed;
        // A model for embeddings refuses.
        if (body["model"] == "b") return exchange.reply(400, "application/json", "{}");
        exchange.reply(200, "application/json", R"({"choices":[]})");
    });
    RecordingSink sink;
    OpenAiBackend backend({.base_urls = {server.url()},
                           .models = {"a", "b"},
                           .profile = "generic",
                           .warm_up = milliseconds(50'000)});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(warmed, 2);
}

}  // namespace
}  // namespace millrace::worker
