// The openai backend over real connections, against a server that behaves as badly as real ones do.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

TEST_F(OpenAi, StreamsAChat) {
    std::promise<std::pair<std::string, json>> seen;
    start_with(
        [&](test::Exchange& exchange) {
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
    start_with([](test::Exchange& exchange) {
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

TEST_F(OpenAi, MakesImages) {
    start_with([](test::Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "POST /v1/images/generations");
        EXPECT_EQ(json::parse(exchange.body()), json::parse(R"({"model":"m","prompt":"a mill"})"));
        exchange.reply(200, "application/json", R"({"created":1,"data":[{"b64_json":"aGk="}]})");
    });
    const auto outcome = outcome_of(R"({"image_prompt":"a mill"})");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(json::parse(outcome.output_json)["data"][0]["b64_json"], "aGk=");
}

TEST_F(OpenAi, PassesToolCallsThrough) {
    start_with([](test::Exchange& exchange) {
        EXPECT_EQ(json::parse(exchange.body())["tools"][0]["function"]["name"], "mill");
        exchange.begin_stream();
        for (const auto* event :
             {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"t","type":"function",
                  "function":{"name":"mill","arguments":"{"}}]}}]})",
              R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]},
                  "finish_reason":"tool_calls"}]})"}) {
            exchange.event(json::parse(event).dump());
        }
        exchange.event("[DONE]");
        exchange.end_stream();
    });
    const auto outcome =
        outcome_of(R"({"messages":[],"tools":[{"type":"function","function":{"name":"mill"}}]})");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto choice = json::parse(outcome.output_json)["choices"][0];
    EXPECT_EQ(choice["finish_reason"], "tool_calls");
    EXPECT_EQ(choice["message"]["tool_calls"], json::parse(R"([
        {"id":"t","type":"function","function":{"name":"mill","arguments":"{}"}}])"));
}

TEST_F(OpenAi, TakesAnAnswerThatIsNotStreamed) {
    start_with([](test::Exchange& exchange) {
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
        [&](test::Exchange& exchange) {
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
    for (const auto& [headers, retry_after] : cases) {
        start_with([headers = headers](test::Exchange& exchange) {
            exchange.reply(429, "application/json", R"({"error":{"message":"busy","code":"busy"}})",
                           headers);
        });
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "busy");
        EXPECT_EQ(outcome.retry_after, retry_after);
    }
}

TEST_F(OpenAi, ReportsWhatTheServerRefuses) {
    start_with(
        [](test::Exchange& exchange) {
            exchange.reply(401, "application/json",
                           R"({"error":{"message":"Incorrect key: sk-secret","type":"auth"}})");
        },
        {.api_key = "sk-secret"});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "auth");
    EXPECT_EQ(outcome.error_message, "the endpoint answered 401: Incorrect key: ***");
}

TEST_F(OpenAi, RetriesTruncatedAnswers) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.close();
    });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "stream_truncated");
}

TEST_F(OpenAi, RetriesAStreamThatEndsWithoutAFinish) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.end_stream();
    });
    EXPECT_EQ(outcome_of().error_code, "stream_truncated");
}

TEST_F(OpenAi, RetriesGarbage) {
    std::atomic<int> turn{0};
    start_with([&](test::Exchange& exchange) {
        switch (turn++) {
            case 0:
                return exchange.reply(200, "text/plain", "hello");
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
        // The fifth in a row shows that no job is at fault, and costs no attempt.
        EXPECT_EQ(outcome.kind, i < 4 ? OutcomeKind::kRetryable : OutcomeKind::kRateLimited) << i;
        EXPECT_EQ(outcome.error_code, "invalid_response") << i;
    }
}

TEST_F(OpenAi, RetriesAnErrorInsideA200) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.event(R"({"error":{"message":"out of memory","code":"oom"}})");
        exchange.wait_for_close();
    });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "oom");
}

TEST_F(OpenAi, AConnectionThatIsClosedWithoutAnAnswerIsAnOutage) {
    start_with([](test::Exchange& exchange) { exchange.close(); });
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(outcome.error_code, "connection_lost");
}

TEST_F(OpenAi, BurnsNoAttemptOnADeadEndpoint) {
    start({.base_urls = {fmt::format("http://127.0.0.1:{}", test::unused_port())}});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(outcome.error_code, "endpoint_unreachable");
}

TEST_F(OpenAi, AnAbortClosesTheConnection) {
    std::promise<bool> closed;
    start_with([&](test::Exchange& exchange) {
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
    start_with([&](test::Exchange& exchange) {
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
    start_with([&](test::Exchange& exchange) {
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
        [&](test::Exchange& exchange) {
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
        [](test::Exchange& exchange) {
            exchange.reply(200, "application/json", "{" + std::string(5000, ' ') + "}");
        },
        {.output_bytes_max = 1000});
    EXPECT_EQ(outcome_of(R"({"input":"a"})").error_code, "output_too_large");
}

TEST_F(OpenAi, StopInterruptsRunningJobs) {
    start_with([](test::Exchange& exchange) {
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

TEST_F(OpenAi, RefusesInvalidRequests) {
    start_with(answer_hello);
    const auto outcome = outcome_of(R"({"text":"a"})");
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "invalid_input");
    EXPECT_EQ(outcome_of(kChat, "other").error_code, "model_unavailable");
    EXPECT_EQ(server_->requests(), 0);
}

}  // namespace
}  // namespace millrace::backends
