// The openai backend over real connections, against a server that behaves as badly as real ones do.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/fake_server.h"
#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/openai/openai_backend.h"

namespace millrace::worker {
namespace {

using nlohmann::json;

constexpr auto kChat = R"({"messages":[{"role":"user","content":"hi"}],"temperature":0})";

std::string chat_delta(const std::string& text) {
    return json{{"id", "c1"}, {"choices", {{{"index", 0}, {"delta", {{"content", text}}}}}}}.dump();
}

constexpr auto kChatEnd = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

void answer_hello(Exchange& exchange) {
    exchange.begin_stream();
    exchange.event(chat_delta("Hel"));
    exchange.event(chat_delta("lo"));
    exchange.event(kChatEnd);
    exchange.event(R"({"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}})");
    exchange.event("[DONE]");
    exchange.end_stream();
}

class OpenAi : public testing::Test {
 protected:
    void start(OpenAiOptions options) {
        if (options.models.empty()) options.models = {"m"};
        backend_ = std::make_unique<OpenAiBackend>(std::move(options));
        const auto status = backend_->start(sink_);
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    void start_with(FakeServer::Handler handler, OpenAiOptions options = {}) {
        server_ = std::make_unique<FakeServer>(std::move(handler));
        options.base_urls = {server_->url()};
        start(std::move(options));
    }
    AttemptKey run(const std::string& input = kChat, const std::string& model = "m") {
        return run_one(*backend_, {.model = model, .input = input});
    }
    Outcome outcome_of(const std::string& input = kChat, const std::string& model = "m") {
        return sink_.outcome(run(input, model));
    }

    RecordingSink sink_;
    std::unique_ptr<FakeServer> server_;
    std::unique_ptr<OpenAiBackend> backend_;
};

TEST_F(OpenAi, StreamsAChat) {
    std::promise<std::pair<std::string, json>> seen;
    start_with(
        [&](Exchange& exchange) {
            seen.set_value({exchange.target() + "|" + exchange.header("authorization"),
                            json::parse(exchange.body())});
            answer_hello(exchange);
        },
        {.models = {"m=org/model"}, .api_key = "sk-1"});
    const auto key = run();
    const auto outcome = sink_.outcome(key);

    const auto [head, body] = seen.get_future().get();
    EXPECT_EQ(head, "POST /v1/chat/completions|Bearer sk-1");
    EXPECT_EQ(body["model"], "org/model");
    EXPECT_EQ(body["stream"], true);
    EXPECT_EQ(body["temperature"], 0);

    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto output = json::parse(outcome.output_json);
    EXPECT_EQ(output["object"], "chat.completion");
    EXPECT_EQ(output["choices"][0]["message"]["content"], "Hello");
    EXPECT_EQ(outcome.usage, (Usage{4, 2}));
    EXPECT_EQ(sink_.record(key).text, "Hello");
}

TEST_F(OpenAi, SendsPromptsAndEmbeddingsWhereTheyBelong) {
    start_with([](Exchange& exchange) {
        if (exchange.target() == "POST /v1/embeddings") {
            exchange.reply(200, "application/json",
                           R"({"data":[{"embedding":[1.0]}],"usage":{"prompt_tokens":1}})");
            return;
        }
        EXPECT_EQ(exchange.target(), "POST /v1/completions");
        exchange.begin_stream();
        exchange.event(R"({"choices":[{"index":0,"text":"once","finish_reason":"length"}]})");
        exchange.event("[DONE]");
        exchange.end_stream();
    });
    const auto text = outcome_of(R"({"prompt":"a"})");
    EXPECT_EQ(json::parse(text.output_json)["choices"][0]["text"], "once");
    const auto vectors = outcome_of(R"({"input":"a"})");
    EXPECT_EQ(json::parse(vectors.output_json)["data"].size(), 1U);
    EXPECT_EQ(vectors.usage, (Usage{1, 0}));
}

TEST_F(OpenAi, TakesAnAnswerThatIsNotStreamed) {
    start_with([](Exchange& exchange) {
        exchange.reply(200, "application/json; charset=utf-8",
                       R"({"object":"chat.completion","choices":[{"message":{"content":"x"}}]})");
    });
    const auto outcome = outcome_of();
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
}

TEST_F(OpenAi, KeepsItsConnections) {
    start_with(answer_hello);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
    EXPECT_EQ(server_->connections(), 1);
    EXPECT_EQ(server_->requests(), 5);
}

TEST_F(OpenAi, RunsManyAtOnce) {
    constexpr int kJobs = 50;
    std::latch all_arrived(kJobs);
    start_with(
        [&](Exchange& exchange) {
            all_arrived.arrive_and_wait();
            answer_hello(exchange);
        },
        {.slots = kJobs});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < kJobs; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
}

TEST_F(OpenAi, WaitsAsLongAsABusyServerAsks) {
    const std::vector<std::pair<std::string, std::optional<milliseconds>>> cases{
        {"Retry-After: 2\r\n", milliseconds(2000)},
        {"Retry-After: 2\r\nretry-after-ms: 250\r\n", milliseconds(250)},
        {"Retry-After: soon\r\n", std::nullopt},
        {"", std::nullopt},
    };
    std::atomic<std::size_t> turn{0};
    start_with([&](Exchange& exchange) {
        exchange.reply(429, "application/json", R"({"error":{"message":"busy","code":"busy"}})",
                       cases[turn++].first);
    });
    for (const auto& [_, retry_after] : cases) {
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "busy");
        EXPECT_EQ(outcome.retry_after, retry_after);
    }
}

TEST_F(OpenAi, ReportsWhatTheServerRefuses) {
    start_with(
        [](Exchange& exchange) {
            exchange.reply(401, "application/json",
                           R"({"error":{"message":"Incorrect key: sk-secret","type":"auth"}})");
        },
        {.api_key = "sk-secret"});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "auth");
    EXPECT_EQ(outcome.error_message, "the endpoint answered 401: Incorrect key: ***");
}

TEST_F(OpenAi, RetriesWhatEndsInTheMiddle) {
    start_with([](Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.close();
    });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "stream_truncated");
}

TEST_F(OpenAi, RetriesAStreamThatEndsWithoutAFinish) {
    start_with([](Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.end_stream();
    });
    EXPECT_EQ(outcome_of().error_code, "stream_truncated");
}

TEST_F(OpenAi, RetriesGarbage) {
    std::atomic<int> turn{0};
    start_with([&](Exchange& exchange) {
        switch (turn++) {
            case 0:
                return exchange.reply(200, "text/html", "<html>hello</html>");
            case 1:
                return exchange.reply(200, "application/json", "{\"choices\":");
            case 2:
                return exchange.reply(200, "application/json", "");
            case 3:
                exchange.begin_stream();
                exchange.event("{\"choices\":");
                return exchange.end_stream();
            default:
                return exchange.reply(200, "text/event-stream", "");
        }
    });
    for (int i = 0; i < 5; ++i) {
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << i;
        EXPECT_EQ(outcome.error_code, "invalid_response") << i;
    }
}

TEST_F(OpenAi, RetriesAnErrorInsideA200) {
    start_with([](Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.event(R"({"error":{"message":"out of memory","code":"oom"}})");
        exchange.wait_for_close();
    });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "oom");
}

TEST_F(OpenAi, RetriesAConnectionThatIsCutBeforeTheAnswer) {
    start_with([](Exchange& exchange) { exchange.close(); });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "connection_lost");
}

TEST_F(OpenAi, BurnsNoAttemptOnADeadEndpoint) {
    start({.base_urls = {fmt::format("http://127.0.0.1:{}", unused_port())}});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(outcome.error_code, "endpoint_unreachable");
}

TEST_F(OpenAi, PassesOverADeadEndpoint) {
    server_ = std::make_unique<FakeServer>(answer_hello);
    start({.base_urls = {fmt::format("http://127.0.0.1:{}", unused_port()), server_->url()}});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
}

TEST_F(OpenAi, SharesTheWorkBetweenEndpoints) {
    std::latch all_arrived(4);
    const auto wait_for_all = [&](Exchange& exchange) {
        all_arrived.arrive_and_wait();
        answer_hello(exchange);
    };
    FakeServer one(wait_for_all);
    FakeServer two(wait_for_all);
    start({.base_urls = {one.url(), two.url()}});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_EQ(one.requests(), 2);
    EXPECT_EQ(two.requests(), 2);
    backend_->stop();
}

TEST_F(OpenAi, AnAbortClosesTheConnection) {
    std::promise<bool> closed;
    start_with([&](Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        closed.set_value(exchange.wait_for_close());
    });
    const auto key = run();
    sink_.wait_for_partial(key);
    backend_->abort(key, AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCancelled);
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAi, AnAbortClosesTheConnectionAlsoBeforeTheFirstByte) {
    std::promise<void> arrived;
    std::promise<bool> closed;
    start_with([&](Exchange& exchange) {
        arrived.set_value();
        closed.set_value(exchange.wait_for_close());
    });
    const auto key = run();
    arrived.get_future().wait();
    backend_->abort(key, AbortReason::kInterrupted);
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAi, ADeadlineClosesTheConnection) {
    std::promise<bool> closed;
    start_with([&](Exchange& exchange) {
        exchange.begin_stream();
        closed.set_value(exchange.wait_for_close());
    });
    const auto key =
        run_one(*backend_, {.model = "m", .input = kChat, .deadline = milliseconds(200)});
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kTimeout);
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAi, TooMuchOutputClosesTheConnection) {
    std::promise<bool> closed;
    start_with(
        [&](Exchange& exchange) {
            exchange.begin_stream();
            for (int i = 0; i < 3; ++i) exchange.event(chat_delta(std::string(500, 'x')));
            closed.set_value(exchange.wait_for_close());
        },
        {.output_bytes_max = 1000});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "output_too_large");
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAi, TooLargeABodyFailsTheJob) {
    start_with(
        [](Exchange& exchange) {
            exchange.reply(200, "application/json", std::string(5000, ' ') + "{}");
        },
        {.output_bytes_max = 1000});
    EXPECT_EQ(outcome_of(R"({"input":"a"})").error_code, "output_too_large");
}

TEST_F(OpenAi, StopInterruptsWhatRuns) {
    start_with([](Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.wait_for_close();
    });
    const auto key = run();
    sink_.wait_for_partial(key);
    backend_->stop();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    EXPECT_EQ(outcome_of().kind, OutcomeKind::kInterrupted);
}

TEST_F(OpenAi, RefusesWhatIsNoRequest) {
    start_with(answer_hello);
    const auto outcome = outcome_of(R"({"text":"a"})");
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "invalid_input");
    EXPECT_EQ(outcome_of(kChat, "other").error_code, "invalid_input");
    EXPECT_EQ(server_->requests(), 0);
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

}  // namespace
}  // namespace millrace::worker
