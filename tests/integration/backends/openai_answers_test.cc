// How answers arrive over a connection, and when they are complete.
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

constexpr auto kUsage = R"({"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}})";
constexpr auto kWhole =
    R"({"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},)"
    R"("finish_reason":"stop"}]})";

std::string content_of(const Outcome& outcome) {
    if (outcome.kind != OutcomeKind::kCompleted) return outcome.error_code;
    return json::parse(outcome.output_json)["choices"][0]["message"]["content"];
}

TEST_F(OpenAi, DoneIsTheEndAlthoughTheConnectionStaysOpen) {
    std::promise<bool> closed;
    start_with([&](test::Exchange& exchange) {
        exchange.begin_stream();
        for (const auto& event :
             {chat_delta("Hello"), std::string(kChatEnd), std::string("[DONE]")}) {
            exchange.event(event);
        }
        closed.set_value(exchange.wait_for_close());
    });
    EXPECT_EQ(content_of(outcome_of()), "Hello");
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAi, UsageIsTheEndAlthoughTheConnectionStaysOpen) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        for (const auto& event :
             {chat_delta("Hello"), std::string(kChatEnd), std::string(kUsage)}) {
            exchange.event(event);
        }
        exchange.wait_for_close();
    });
    const auto outcome = outcome_of();
    EXPECT_EQ(content_of(outcome), "Hello");
    EXPECT_EQ(outcome.usage, (Usage{4, 2}));
}

// An answer is complete even without [DONE] and usage; no complete answer is thrown away.
TEST_F(OpenAi, ADeadlineKeepsACompleteAnswer) {
    for (const bool streams : {true, false}) {
        start_with([&](test::Exchange& exchange) {
            if (streams) {
                exchange.begin_stream();
                exchange.event(chat_delta("Hello"));
                exchange.event(kChatEnd);
            } else {
                exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
                exchange.send(kWhole);
            }
            exchange.wait_for_close();
        });
        const auto key =
            run_one(*backend_, {.model = "m", .input = kChat, .deadline = milliseconds(200)});
        EXPECT_EQ(content_of(sink_.outcome(key)), "Hello") << streams;
    }
}

TEST_F(OpenAi, AStreamThatEndsWithoutDoneIsWholeWithAFinishReason) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hello"));
        exchange.event(kChatEnd);
        exchange.end_stream();
    });
    EXPECT_EQ(content_of(outcome_of()), "Hello");
}

TEST_F(OpenAi, ACutConnectionIsNotTheEnd) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hello"));
        exchange.event(kChatEnd);
        exchange.close();
    });
    EXPECT_EQ(outcome_of().error_code, "stream_truncated");
}

TEST_F(OpenAi, TheLastEventMayLackItsEmptyLine) {
    for (const std::string end : {"", "\n", "\r\n"}) {
        start_with([&](test::Exchange& exchange) {
            exchange.begin_stream();
            exchange.event(chat_delta("Hello"));
            exchange.stream_bytes("data: " + std::string(kChatEnd) + end);
            exchange.end_stream();
        });
        EXPECT_EQ(content_of(outcome_of()), "Hello");
    }
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hello"));
        exchange.stream_bytes("data: " + std::string(kChatEnd).substr(0, 40));
        exchange.end_stream();
    });
    EXPECT_EQ(outcome_of().error_code, "stream_truncated");
}

TEST_F(OpenAi, RecognisesAnAnswerByItsBytes) {
    const auto stream = "data: " + chat_delta("Hello") + "\n\ndata: " + std::string(kChatEnd) +
                        "\n\ndata: [DONE]\n\n";
    const std::vector<std::pair<std::string, std::string>> answers{
        {"application/json", stream},
        {"text/plain", ": ping\n\n" + stream},
        {"text/event-stream", kWhole},
        {"text/plain", kWhole},
        {"application/json", " \n \n" + std::string(kWhole)},
        {"application/json", "\xEF\xBB\xBF" + std::string(kWhole)},
        {"text/event-stream", "\n\n" + stream}};
    for (const auto& [type, body] : answers) {
        start_with([&, type = type, body = body](test::Exchange& exchange) {
            exchange.reply(200, type, body);
        });
        EXPECT_EQ(content_of(outcome_of()), "Hello") << type << " " << body;
    }
}

// llama.cpp until 2025 has a field of its own for errors; proxies pass on their servers' bodies.
TEST_F(OpenAi, ErrorsComeInAnyPlaceOfAStream) {
    const std::string error = R"({"code":400,"message":"the request exceeds the available context )"
                              R"(size, try increasing it","type":"invalid_request_error"})";
    const auto text = "data: " + chat_delta("Hello") + "\n\n";
    for (const auto& stream :
         {"error: " + error + "\n\ndata: [DONE]\n\n", text + "error: " + error + "\n\n",
          ": ping\n\n{\"error\":" + error + "}\n\n", text + "{\"error\":" + error + "}",
          text + "event: error\ndata: " + error + "\n\n"}) {
        start_with(
            [&](test::Exchange& exchange) { exchange.reply(200, "text/event-stream", stream); });
        EXPECT_EQ(outcome_of().error_code, "context_length_exceeded") << stream;
    }
}

TEST_F(OpenAi, BytesMayComeOneByOne) {
    start_with([](test::Exchange& exchange) {
        exchange.begin_stream();
        const auto stream = "data: " + chat_delta("H€llo 😀") +
                            "\r\n\r\ndata: " + std::string(kChatEnd) +
                            "\r\n\r\ndata: [DONE]\r\n\r\n";
        for (const char byte : stream) exchange.stream_bytes(std::string(1, byte));
        exchange.end_stream();
    });
    const auto key = run();
    EXPECT_EQ(content_of(sink_.outcome(key)), "H€llo 😀");
    EXPECT_EQ(sink_.record(key).text, "H€llo 😀");
}

// LiteLLM's proxy streams the choices of all prompts under the first one's index.
TEST_F(OpenAi, ListsOfPromptsAreNeverScrambled) {
    const auto proxy = [](bool heeds_stream) {
        return [heeds_stream](test::Exchange& exchange) {
            if (heeds_stream && exchange.body().find("\"stream\":true") == std::string::npos) {
                return exchange.reply(
                    200, "application/json",
                    R"({"choices":[{"index":0,"text":"one"},{"index":1,"text":"uno"}]})");
            }
            exchange.begin_stream();
            for (const auto* text : {"one ", "uno ", "two", "due"}) {
                exchange.event(json{{"choices", {{{"index", 0}, {"text", text}}}}}.dump());
            }
            exchange.event(R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}]})");
            exchange.event("[DONE]");
            exchange.end_stream();
        };
    };
    const auto* lists = R"({"prompt":["a","b"]})";
    start_with(proxy(true));
    const auto right = outcome_of(lists);
    ASSERT_EQ(right.kind, OutcomeKind::kCompleted) << right.error_message;
    EXPECT_EQ(json::parse(right.output_json)["choices"][1]["text"], "uno");
    for (const auto* profile : {"generic", "vllm"}) {
        start_with(proxy(false), {.profile = profile});
        const auto outcome = outcome_of(lists);
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << profile;
        EXPECT_EQ(outcome.error_code, "invalid_response") << profile;
    }
}

// llama-server sends an empty event between those of two prompts.
TEST_F(OpenAi, TakesListsOfPromptsFromLlamaServer) {
    start_with(
        [](test::Exchange& exchange) {
            if (exchange.target().starts_with("GET ")) return exchange.reply(404, "text/plain", "");
            EXPECT_EQ(json::parse(exchange.body())["stream"], true);
            exchange.begin_stream();
            for (const auto* event :
                 {R"({"choices":[{"index":1,"text":"uno","finish_reason":null}]})",
                  R"({"choices":[{"index":0,"text":"one","finish_reason":null}]})",
                  R"({"choices":[{"index":0,"text":"","finish_reason":"length"}]})", "null",
                  R"({"choices":[{"index":1,"text":"","finish_reason":"length"}]})", "[DONE]"}) {
                exchange.event(event);
            }
            exchange.end_stream();
        },
        {.profile = "llama.cpp"});
    const auto outcome = outcome_of(R"({"prompt":["a","b"]})");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto choices = json::parse(outcome.output_json)["choices"];
    EXPECT_EQ(choices[0]["text"], "one");
    EXPECT_EQ(choices[1]["text"], "uno");
}

TEST_F(OpenAi, TheServerGetsTheInputByteForByte) {
    std::promise<std::string> seen;
    start_with([&](test::Exchange& exchange) {
        seen.set_value(exchange.body());
        answer_hello(exchange);
    });
    outcome_of(
        R"({"messages":[],"temperature":0.70,"seed":18446744073709551617,"b":1,"a":"\u00e9"})");
    EXPECT_EQ(seen.get_future().get(),
              R"({"messages":[],"temperature":0.70,"seed":18446744073709551617,"b":1,"a":"\u00e9",)"
              R"("model":"m","stream":true,"stream_options":{"include_usage":true}})");
}

}  // namespace
}  // namespace millrace::backends
