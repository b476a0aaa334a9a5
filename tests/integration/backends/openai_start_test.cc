// What the openai backend learns about its endpoints before it is ready.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"
#include "tests/support/eventually.h"
#include "worker/backends/openai/survey.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

// Answers GET /models with one model of that owner, and answers chats.
test::FakeServer::Handler server_of(const std::string& model, const std::string& owner) {
    const auto models = json{{"data", json::array({{{"id", model}, {"owned_by", owner}}})}}.dump();
    return [models](test::Exchange& exchange) {
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
    test::FakeServer server([](test::Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "GET /v1/models");
        EXPECT_EQ(exchange.header("authorization"), "Bearer sk-1");
        exchange.reply(200, "application/json", R"({"data":[{"id":"a"},{"id":"b"}]})");
    });
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server.url()}, .api_key = "sk-1"});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(backend.info().slots, 8U);
}

TEST(OpenAiStart, RefusesInvalidSettings) {
    RecordingSink sink;
    EXPECT_FALSE(openai::OpenAiBackend({.base_urls = {"localhost:1"}}).start(sink));
    EXPECT_FALSE(openai::OpenAiBackend({}).start(sink));
}

TEST(OpenAiStart, SaysWhatItWaitsFor) {
    RecordingSink sink;
    const auto waits_for = [&](openai::OpenAiOptions options) {
        openai::OpenAiBackend backend(std::move(options));
        EXPECT_TRUE(backend.start(sink));
        EXPECT_TRUE(backend.info().models.empty());
        return backend.info().waits_for;
    };
    const auto dead = fmt::format("http://127.0.0.1:{}", test::unused_port());
    const auto refused = waits_for({.base_urls = {dead}});
    EXPECT_NE(refused.find(dead), std::string::npos) << refused;
    test::FakeServer server([](test::Exchange& exchange) {
        exchange.reply(401, "application/json", R"({"error":"sk-1"})");
    });
    const auto denied = waits_for({.base_urls = {server.url()}, .api_key = "sk-1"});
    EXPECT_NE(denied.find("API key"), std::string::npos) << denied;
    EXPECT_EQ(denied.find("sk-1"), std::string::npos) << denied;
    test::FakeServer empty([](test::Exchange& exchange) {
        exchange.reply(200, "application/json", R"({"data":[]})");
    });
    EXPECT_NE(waits_for({.base_urls = {empty.url()}}).find("no model"), std::string::npos);
}

// A server whose models change, and which may be away.
class ChangingServer {
 public:
    std::string url() const { return server_.url(); }
    // An empty list means that the server is away.
    void serve(const std::string& models) {
        const std::lock_guard lock(mutex_);
        models_ = models;
    }

 private:
    void answer(test::Exchange& exchange) {
        if (!exchange.target().starts_with("GET")) return answer_hello(exchange);
        const std::lock_guard lock(mutex_);
        if (models_.empty()) return exchange.reply(503, "text/plain", "Loading model");
        if (exchange.target() == "GET /props") {
            return exchange.reply(200, "application/json", R"({"total_slots":3})");
        }
        exchange.reply(200, "application/json", models_);
    }

    std::mutex mutex_;
    std::string models_;  // Guarded by mutex_.
    test::FakeServer server_{[this](test::Exchange& exchange) { answer(exchange); }};
};

constexpr auto kFirst = R"({"data":[{"id":"first"}]})";
constexpr auto kBoth = R"({"data":[{"id":"first"},{"id":"second"}]})";

TEST(OpenAiStart, TakesTheModelsOfAServerThatComesLater) {
    ChangingServer server;
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server.url()}});
    ASSERT_TRUE(backend.start(sink));
    EXPECT_NE(backend.info().waits_for, "");
    server.serve(kFirst);
    ASSERT_TRUE(test::eventually([&] { return backend.info().waits_for.empty(); }));
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"first"}));
    EXPECT_TRUE(test::eventually([&] { return sink.changes() > 0; }));
    const auto key = run_one(backend, {.model = "first", .input = kChat});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
}

TEST(OpenAiStart, FollowsAServerThatGetsModelsAndLosesThem) {
    ChangingServer server;
    server.serve(kFirst);
    RecordingSink sink;
    openai::OpenAiBackend backend(
        {.base_urls = {server.url()}, .models_interval = milliseconds(1)});
    ASSERT_TRUE(backend.start(sink));
    EXPECT_EQ(backend.info().models.size(), 1U);
    server.serve(kBoth);
    ASSERT_TRUE(test::eventually([&] { return sink.changes() == 1; }));
    auto key = run_one(backend, {.model = "second", .input = kChat});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    server.serve(kFirst);
    ASSERT_TRUE(test::eventually([&] { return sink.changes() == 2; }));
    key = run_one(backend, {.model = "second", .input = kChat});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(sink.outcome(key).error_code, "model_unavailable");
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"first"}));
}

TEST(OpenAiSurvey, KeepsWhatAServerSaidWhileItIsAway) {
    ChangingServer server;
    server.serve(kBoth);
    openai::Survey survey(*openai::parse_endpoints({server.url()}, {}),
                          {.interval = milliseconds(0)});
    EXPECT_FALSE(survey.look(system_clock().now()));
    server.serve("");
    EXPECT_FALSE(survey.look(system_clock().now()));
    EXPECT_EQ(survey.endpoints().front().models.size(), 2U);
    EXPECT_EQ(survey.waits_for(), "");
}

TEST(OpenAiSurvey, LearnsProfileAndSlotsOfAServerWhoseModelsAreNamed) {
    ChangingServer server;
    openai::Survey survey(*openai::parse_endpoints({server.url()}, {.models = {"m"}}),
                          {.interval = milliseconds(0)});
    survey.look(system_clock().now());
    EXPECT_EQ(survey.endpoints().front().profile->name, "generic");
    EXPECT_EQ(survey.endpoints().front().capacity.slots, 8U);
    server.serve(R"({"data":[{"id":"gguf","owned_by":"llamacpp"}]})");
    EXPECT_TRUE(survey.look(system_clock().now()));
    EXPECT_EQ(survey.endpoints().front().profile->name, "llama.cpp");
    EXPECT_EQ(survey.endpoints().front().capacity.slots, 3U);
    EXPECT_EQ(survey.endpoints().front().models, (serving::ModelNames{{"m", "m"}}));
}

TEST(OpenAiStart, EachServerServesWhatItSays) {
    test::FakeServer one(server_of("a", ""));
    test::FakeServer two(server_of("b", ""));
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {one.url(), two.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().models, (std::vector<std::string>{"a", "b"}));
    for (const auto* model : {"a", "b", "b"}) {
        const auto key = run_one(backend, {.model = model, .input = kChat});
        EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    }
    EXPECT_EQ(one.requests(), 2);  // Including the one for its models.
    EXPECT_EQ(two.requests(), 3);
    backend.stop();
}

TEST(OpenAiStart, AssumesThatASilentServerIsLikeTheOthers) {
    test::FakeServer server(server_of("a", ""));
    const auto dead = fmt::format("http://127.0.0.1:{}", test::unused_port());
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {dead, server.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().slots, 16U);
}

TEST(OpenAiStart, NamedModelsNeedNoServer) {
    const auto dead = fmt::format("http://127.0.0.1:{}", test::unused_port());
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {dead}, .models = {"m"}});
    EXPECT_TRUE(backend.start(sink).has_value());
}

TEST(OpenAiStart, LlamaServerSaysHowManyItRunsAtOnce) {
    test::FakeServer server(server_of("a", "llamacpp"));
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server.url()}, .slots = 20});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().slots, 3U);
    backend.stop();

    openai::OpenAiBackend told({.base_urls = {server.url() + ";slots=5"}});
    ASSERT_TRUE(told.start(sink).has_value());
    EXPECT_EQ(told.info().slots, 5U);
}

TEST(OpenAiStart, VllmGetsTheAttemptsId) {
    std::atomic<bool> has_id{false};
    const auto vllm = server_of("a", "vllm");
    test::FakeServer server([&](test::Exchange& exchange) {
        if (exchange.target().starts_with("POST")) {
            has_id =
                json::parse(exchange.body())["request_id"].get<std::string>().starts_with("job_");
        }
        vllm(exchange);
    });
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    const auto key = run_one(backend, {.model = "a", .input = kChat});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_TRUE(has_id);
    backend.stop();
}

TEST(OpenAiStart, WarmsEachModelUp) {
    std::atomic<int> warmed{0};
    test::FakeServer server([&](test::Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "POST /v1/chat/completions");
        const auto body = json::parse(exchange.body());
        EXPECT_EQ(body["max_tokens"], 1);
        ++warmed;
        // A model for embeddings refuses chats.
        if (body["model"] == "b") return exchange.reply(400, "application/json", "{}");
        exchange.reply(200, "application/json", R"({"choices":[]})");
    });
    RecordingSink sink;
    openai::OpenAiBackend backend({.base_urls = {server.url()},
                                   .models = {"a", "b"},
                                   .profile = "generic",
                                   .warm_up = milliseconds(50'000)});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(warmed, 2);
}

}  // namespace
}  // namespace millrace::backends
