#include "worker/backends/openai/assembler.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/unit/backends/openai/assembled.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;
using End = Assembler::End;

constexpr StreamOf kCompletion{.kind = RequestKind::kCompletion};

// --- The whole ----------------------------------------------------------------------------------

TEST(Assembler, PutsAChatTogether) {
    const auto result = assemble_chat(
        {R"({"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":[
              {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
         R"({"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null})",
         R"({"id":"c1","choices":[{"index":0,"delta":{"content":"lo"}}]})",
         R"({"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
         R"({"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,
                                             "total_tokens":11}})",
         "[DONE]"});
    EXPECT_EQ(result.partial, "Hello");
    EXPECT_EQ(result.outcome.usage, (Usage{9, 2}));
    EXPECT_EQ(
        result.outcome.output_json,
        R"({"id":"c1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,)"
        R"("message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})");
}

TEST(Assembler, PutsATextCompletionWithSeveralChoicesTogether) {
    const auto result =
        assemble({.kind = RequestKind::kCompletion, .count = 2},
                 std::vector<std::string>{
                     R"({"choices":[{"index":1,"text":"b"},{"index":0,"text":"a"}]})",
                     R"({"choices":[{"index":0,"text":"A","finish_reason":"stop"}]})",
                     R"({"choices":[{"index":1,"text":"B","finish_reason":"length"}]})", "[DONE]"});
    EXPECT_EQ(result.partial, "aA");
    EXPECT_EQ(result.output["choices"], json::parse(R"([
        {"index":0,"text":"aA","finish_reason":"stop"},
        {"index":1,"text":"bB","finish_reason":"length"}])"));
}

TEST(Assembler, KeepsReasoningAndLogprobs) {
    const auto result =
        assemble_chat({R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"},
              "logprobs":{"content":[{"token":"h","logprob":-0.10}],"refusal":null}}]})",
                       R"({"choices":[{"index":0,"delta":{"reasoning_content":"m","content":"x"},
              "logprobs":{"content":[{"token":"x","logprob":-Infinity}],"refusal":null},
              "finish_reason":"stop"}]})"});
    ASSERT_TRUE(result.is_complete());
    EXPECT_EQ(result.partial, "x");
    EXPECT_EQ(result.message()["reasoning_content"], "hmm");
    // Numbers stay as they were written; values that JSON cannot express are quoted.
    EXPECT_NE(
        result.outcome.output_json.find(R"("logprobs":{"content":[{"token":"h","logprob":-0.10},)"
                                        R"({"token":"x","logprob":"-Infinity"}],"refusal":null})"),
        std::string::npos);
}

TEST(Assembler, JoinsTheLogprobsOfACompletion) {
    const auto result =
        assemble(kCompletion,
                 std::vector<std::string>{
                     R"({"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-0.5],
                "top_logprobs":[{"a":-0.5}],"text_offset":[0]}}]})",
                     R"({"choices":[{"text":"b","logprobs":{"tokens":["b"],"token_logprobs":[-1],
                "top_logprobs":null,"text_offset":[1]},"finish_reason":"stop"}]})",
                     "[DONE]"});
    EXPECT_EQ(result.output["choices"][0]["logprobs"],
              json::parse(R"({"tokens":["a","b"],"token_logprobs":[-0.5,-1],
                              "top_logprobs":[{"a":-0.5}],"text_offset":[0,1]})"));
}

TEST(Assembler, KeepsNumbersBeyond64Bits) {
    const auto result = assemble_chat(
        {R"({"id":18446744073709551616,"created":1e9,"choices":[{"index":0,"delta":{"content":"a"},
             "matched_stop":123456789012345678901234567890,"finish_reason":"stop"}]})"});
    EXPECT_EQ(result.outcome.output_json.find(R"({"id":18446744073709551616,"created":1e9,)"), 0U);
    EXPECT_NE(result.outcome.output_json.find(R"("matched_stop":123456789012345678901234567890)"),
              std::string::npos);
}

// Azure's last chunk has an empty id and reports on filters.
TEST(Assembler, BlankValuesReplaceNothing) {
    const auto result = assemble_chat(
        {R"({"id":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"a":1}]})",
         R"({"id":"c1","created":5,"model":"m","choices":[{"index":0,"delta":{"content":"a"},
             "content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]})",
         kStop,
         R"({"id":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,
             "content_filter_results":{"hate":{"filtered":true,"severity":"safe"}}}]})",
         "[DONE]"});
    EXPECT_EQ(result.output["id"], "c1");
    EXPECT_EQ(result.output["created"], 5);
    EXPECT_EQ(result.output["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(result.output["choices"][0]["content_filter_results"],
              json::parse(R"({"hate":{"filtered":true,"severity":"safe"}})"));
}

TEST(Assembler, NamesAreNotJoined) {
    const auto result = assemble_chat(
        {chat_chunk(R"({"role":"assistant","audio":{"id":"a1","transcript":"he"}})"),
         chat_chunk(R"({"role":"assistant","audio":{"id":"a1","transcript":"llo"}})", "\"stop\"")});
    EXPECT_EQ(result.message()["role"], "assistant");
    EXPECT_EQ(result.message()["audio"], json::parse(R"({"id":"a1","transcript":"hello"})"));
}

// --- Content ------------------------------------------------------------------------------------

TEST(Assembler, AnEmptyAnswerIsAString) {
    for (const auto* delta : {"{}", R"({"content":""})", R"({"content":null})"}) {
        const auto result = assemble_chat({chat_chunk(delta), kStop, "[DONE]"});
        EXPECT_EQ(result.message()["content"], "") << delta;
    }
    const auto text =
        assemble(kCompletion,
                 std::vector<std::string>{R"({"choices":[{"text":"","finish_reason":"stop"}]})"});
    EXPECT_EQ(text.output["choices"][0]["text"], "");
}

TEST(Assembler, ContentIsNullIfSomethingReplacesIt) {
    for (const auto* delta :
         {R"({"content":null,"refusal":"I will not"})",
          R"({"content":"","tool_calls":[{"index":0,"id":"t","function":{"name":"f"}}]})",
          R"({"function_call":{"name":"f","arguments":"{}"}})"}) {
        EXPECT_TRUE(assemble_chat({chat_chunk(delta), kStop}).message()["content"].is_null())
            << delta;
    }
}

TEST(Assembler, TakesContentInParts) {
    const auto result = assemble_chat(
        {chat_text("a"), chat_chunk(R"({"content":[{"type":"text","text":"b"}]})"),
         chat_chunk(R"({"content":[{"type":"thinking","thinking":[{"text":"hm"}]}]})"),
         chat_chunk(R"({"content":{"type":"text","text":"c"}})"), chat_text("d"), kStop});
    EXPECT_EQ(result.partial, "abcd");
    EXPECT_EQ(result.message()["content"], json::parse(R"([{"type":"text","text":"ab"},
        {"type":"thinking","thinking":[{"text":"hm"}]},{"type":"text","text":"cd"}])"));
}

TEST(Assembler, TakesAMessageInOnePiece) {
    const auto* whole = R"({"choices":[{"index":0,"message":{"role":"assistant","content":"abc"},
                            "finish_reason":"stop"}]})";
    EXPECT_EQ(assemble_chat({whole, "[DONE]"}).message()["content"], "abc");
    // MiniMax sends the whole message once more at the end.
    const auto twice = assemble_chat({chat_text("abc"), whole, "[DONE]"});
    EXPECT_EQ(twice.message()["content"], "abc");
    EXPECT_EQ(twice.partial, "abc");
}

// Returns a choice that has both: the message up to now, and what is new in it.
std::string summed_up(const std::string& message, const std::string& delta,
                      const std::string& finish = "null") {
    return R"({"choices":[{"index":0,"finish_reason":)" + finish + R"(,"message":)" + message +
           (delta.empty() ? "" : R"(,"delta":)" + delta) + "}]}";
}

TEST(Assembler, AMessageBesideTheDeltasAddsNothing) {
    const auto said = [](const std::string& text) {
        return R"({"role":"assistant","content":")" + text + R"("})";
    };
    // Perplexity sends this.
    const auto both =
        assemble_chat({summed_up(said("Hel"), said("Hel")), summed_up(said("Hello"), said("lo")),
                       summed_up(said("Hello"), said(""), "\"stop\""), "[DONE]"});
    EXPECT_EQ(both.message()["content"], "Hello");
    EXPECT_EQ(both.partial, "Hello");
    // The text is in the message alone, after a delta that only opens it.
    const auto opened = assemble_chat({chat_chunk(R"({"role":"assistant","content":""})"),
                                       summed_up(said("Hello"), "", "\"stop\""), "[DONE]"});
    EXPECT_EQ(opened.message()["content"], "Hello");
    EXPECT_EQ(opened.partial, "Hello");
    const auto growing = assemble_chat({summed_up(said("Hel"), ""), summed_up(said("Hello"), ""),
                                        summed_up(said(""), "", "\"stop\""), "[DONE]"});
    EXPECT_EQ(growing.message()["content"], "Hello");
    EXPECT_EQ(growing.partial, "Hello");
}

TEST(Assembler, AMessageInPiecesIsNotAnAnswer) {
    const auto* call = R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]})";
    const auto* other = R"({"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{}"}}]})";
    const std::vector<std::vector<std::string>> streams{
        {summed_up(R"({"content":"Hel"})", ""), summed_up(R"({"content":"lo"})", "")},
        {summed_up(R"({"content":"Hel"})", ""), chat_text("lo")},
        {summed_up(call, ""), summed_up(other, "")},
    };
    for (const auto& stream : streams) {
        const auto result = assemble_chat({stream[0], stream[1], kStop, "[DONE]"});
        EXPECT_EQ(result.outcome.kind, OutcomeKind::kRetryable);
        EXPECT_EQ(result.outcome.error_code, "invalid_response") << stream[1];
    }
    EXPECT_TRUE(assemble_chat({summed_up(call, ""), summed_up(call, ""), kStop}).is_complete());
}

TEST(Assembler, ManyMembersTakeTimeAndRoomInProportion) {
    std::string chunk = R"({"choices":[{"index":0,"delta":{"content":"a"}}])";
    for (int i = 0; i < 20'000; ++i) chunk += ",\"member" + std::to_string(i) + "\":1";
    chunk += '}';
    const std::vector<std::string> stream{chunk, chunk, kStop, "[DONE]"};
    const auto fits = assemble({.output_bytes_max = 16 << 20}, stream);
    EXPECT_EQ(fits.output["member19999"], 1);
    EXPECT_EQ(fits.output.size(), 20'002U);
    EXPECT_EQ(assemble({.output_bytes_max = 1 << 20}, stream).outcome.error_code,
              "output_too_large");
}

TEST(Assembler, JoinsHalvesOfCharacters) {
    const auto halves = assemble_chat({R"({"choices":[{"delta":{"content":"a\ud83d"}}]})",
                                       R"({"choices":[{"delta":{"content":"\ude00b"}}]})", kStop});
    EXPECT_EQ(halves.message()["content"], "a😀b");
    EXPECT_EQ(halves.partial, "a😀b");
    const auto bytes = assemble_chat({"{\"choices\":[{\"delta\":{\"content\":\"a\xE2\x82\"}}]}",
                                      "{\"choices\":[{\"delta\":{\"content\":\"\xAC\"}}]}", kStop});
    EXPECT_EQ(bytes.message()["content"], "a€");
    EXPECT_EQ(bytes.partial, "a€");
}

TEST(Assembler, CharactersThatStayIncompleteAreReplaced) {
    const auto result =
        assemble_chat({R"({"choices":[{"delta":{"content":"a\ud83d"}}]})",
                       "{\"choices\":[{\"delta\":{\"content\":\"b\xE2\"}}]}", kStop});
    EXPECT_EQ(result.message()["content"], "a\uFFFDb\uFFFD");
    EXPECT_EQ(result.partial, "a\uFFFDb");
}

// --- Usage --------------------------------------------------------------------------------------

TEST(Assembler, UsageIsUnknownIfTheServerSendsNone) {
    for (const auto* usage : {"null", "{}", "[]", R"({"prompt_tokens":-1})",
                              R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})"}) {
        const auto result =
            assemble_chat({chat_text("a"), kStop,
                           R"({"choices":[],"usage":)" + std::string(usage) + "}", "[DONE]"});
        ASSERT_TRUE(result.is_complete()) << usage;
        EXPECT_EQ(result.outcome.usage, Usage{}) << usage;
    }
}

TEST(Assembler, TakesUsageWhereverItIs) {
    const auto usage = [](const std::vector<std::string>& events) {
        return assemble_chat(events).outcome.usage;
    };
    const auto each = [](const char* counts) {
        return R"({"choices":[{"index":0,"delta":{"content":"a"}}],"usage":)" +
               std::string(counts) + "}";
    };
    // In every chunk, growing; zeros at the end do not replace it.
    EXPECT_EQ(usage({each(R"({"prompt_tokens":9,"completion_tokens":1})"),
                     each(R"({"prompt_tokens":9,"completion_tokens":2})"), kStop,
                     R"({"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}})"}),
              (Usage{9, 2}));
    // In parts.
    EXPECT_EQ(usage({each(R"({"prompt_tokens":9})"), each(R"({"completion_tokens":2})"), kStop}),
              (Usage{9, 2}));
    // With the finish reason, and in the choice.
    EXPECT_EQ(usage({R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],
                         "usage":{"prompt_tokens":9,"completion_tokens":2}})"}),
              (Usage{9, 2}));
    EXPECT_EQ(usage({R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop",
                         "usage":{"prompt_tokens":9,"completion_tokens":2}}]})"}),
              (Usage{9, 2}));
}

// --- Odd events ---------------------------------------------------------------------------------

TEST(Assembler, SkipsEmptyEvents) {
    const auto result = assemble_chat({"", "  ", "null", "{}", R"({"choices":null})",
                                       R"({"choices":[]})", R"({"type":"ping"})", chat_text("a"),
                                       R"({"choices":[{"index":0,"delta":null}]})", "null",
                                       R"({"error":null,"choices":[]})", kStop, " [DONE] "});
    EXPECT_EQ(result.message()["content"], "a");
}

TEST(Assembler, TakesEventsWithoutEmptyLinesBetweenThem) {
    const auto result = assemble_chat({chat_text("a") + "\n" + chat_text("b"),
                                       std::string(kStop) + "\n\n" + kUsage + "\n[DONE]"});
    EXPECT_EQ(result.message()["content"], "ab");
    EXPECT_EQ(result.outcome.usage, (Usage{9, 2}));
}

TEST(Assembler, EndsTheAttemptOnGarbage) {
    for (const auto* event :
         {"<html>", "[]", "7", "\"text\"", R"({"choices":5})", R"({"choices":{}} )",
          R"({"choices":[7]})", R"({"choices":[{"delta":"x"}]})",
          R"({"choices":[{"delta":{"content":5}}]})", R"({"choices":[{"delta":{"content":[5]}}]})",
          R"({"choices":[{"delta":{"tool_calls":[1]}}]})",
          R"({"choices":[{"delta":{"tool_calls":[{"function":"f"}]}}]})", "\xFF",
          R"({"choices":[{"delta":{"content":"a"}}])"}) {
        const auto result = assemble_chat({event});
        ASSERT_TRUE(result.early) << event;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable) << event;
        EXPECT_EQ(result.early->error_code, "invalid_response") << event;
    }
    const auto text =
        assemble(kCompletion, std::vector<std::string>{R"({"choices":[{"text":5}]})"});
    EXPECT_EQ(text.early->error_code, "invalid_response");
}

TEST(Assembler, ADifferentKindOfStreamIsNotAnAnswer) {
    const auto chat =
        assemble_chat({R"({"choices":[{"text":"a","finish_reason":"stop"}]})", "[DONE]"});
    EXPECT_EQ(chat.outcome.error_code, "invalid_response");
    const auto text = assemble(
        kCompletion, std::vector<std::string>{
                         R"({"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]})"});
    EXPECT_EQ(text.outcome.error_code, "invalid_response");
}

TEST(Assembler, BoundsTheOutput) {
    const std::string text(60, 'x');
    const StreamOf stream{.output_bytes_max = 100};
    const std::vector<std::string> events{chat_text(text), chat_text(text)};
    EXPECT_FALSE(assemble(stream, std::vector<std::string>{events[0]}).early);
    const auto result = assemble(stream, events);
    ASSERT_TRUE(result.early);
    EXPECT_EQ(result.early->kind, OutcomeKind::kPermanent);
    EXPECT_EQ(result.early->error_code, "output_too_large");
    EXPECT_EQ(result.partial, text);
}

// Whatever grows counts; repeated values do not.
TEST(Assembler, BoundsEverything) {
    const StreamOf stream{.output_bytes_max = 1000};
    const auto outcome = [&](const std::function<std::string(int)>& event) {
        std::vector<std::string> events;
        for (int i = 0; i < 200; ++i) events.push_back(event(i));
        const auto result = assemble(stream, events);
        return result.early ? result.early->error_code : "none";
    };
    const std::string id(20, 'c');
    EXPECT_EQ(outcome([&](int) { return R"({"id":")" + id + R"(","choices":[]})"; }), "none");
    EXPECT_EQ(
        outcome([](int i) { return R"({"member_)" + std::to_string(i) + R"(":1,"choices":[]})"; }),
        "output_too_large");
    EXPECT_EQ(outcome([](int) {
                  return R"({"choices":[{"delta":{},"logprobs":{"content":[{"token":"x"}]}}]})";
              }),
              "output_too_large");
    EXPECT_EQ(outcome([](int i) {
                  return chat_chunk(R"({"tool_calls":[{"index":)" + std::to_string(i) +
                                    R"(,"id":"t","function":{"name":"weather"}}]})");
              }),
              "output_too_large");
    const std::string deep = std::string(1000, '[') + std::string(1000, ']');
    EXPECT_EQ(assemble_chat({R"({"x":)" + deep + "}"}).early->error_code, "invalid_response");
}

// Joining deeper objects would mean searching a whole chunk again at each level.
TEST(Assembler, JoinsObjectsToADepthAndKeepsWhatIsDeeper) {
    const auto chunk = [](int levels, const std::string& inner) {
        std::string value = inner;
        for (int i = 0; i < levels; ++i) value = R"({"x":)" + value + "}";
        return R"({"choices":[],"deep":)" + value + "}";
    };
    const auto inner_of = [](json value) {
        while (value.contains("x")) value = json(value["x"]);
        return value;
    };
    for (const auto& [levels, inner] : {std::pair(7, R"({"a":1,"b":2})"),
                                        std::pair(8, R"({"b":2})"), std::pair(150, R"({"b":2})")}) {
        const auto result = assemble_chat({chat_text("a"), chunk(levels, R"({"a":1})"),
                                           chunk(levels, R"({"b":2})"), kStop, "[DONE]"});
        ASSERT_TRUE(result.is_complete()) << result.outcome.error_message;
        EXPECT_EQ(inner_of(result.output["deep"]), json::parse(inner)) << levels;
    }
}

}  // namespace
}  // namespace millrace::backends::openai
