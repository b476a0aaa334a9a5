// When a streamed answer is complete, and when it only looks so.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/backends/openai/assembled.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;
using End = Assembler::End;

// --- Is it whole? -------------------------------------------------------------------------------

TEST(Assembler, IsNotCompleteInTheMiddle) {
    const std::vector<std::vector<std::string>> streams{
        {},
        {chat_text("a")},
        {chat_text("a", "\"\""), chat_text("b", "\"\"")},
        {chat_text("a", "\"null\"")},
        {chat_text("a"), R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}})"},
    };
    for (const auto& stream : streams) {
        const auto result = assemble_chat(stream);
        EXPECT_EQ(result.end, End::kOpen);
        EXPECT_EQ(result.outcome.kind, OutcomeKind::kRetryable) << stream.size();
    }
    EXPECT_EQ(assemble_chat(streams[2]).outcome.error_code, "stream_truncated");
}

TEST(Assembler, ReportsItsProgress) {
    EXPECT_EQ(assemble_chat({chat_text("a"), kStop}).end, End::kFinished);
    EXPECT_EQ(assemble_chat({chat_text("a"), kStop, kUsage}).end, End::kCounted);
    EXPECT_EQ(assemble_chat({chat_text("a"), kStop, "[DONE]"}).end, End::kDone);
}

TEST(Assembler, AFinishReasonIsEnoughIfTheConnectionEndsWell) {
    const auto finished = std::vector<std::string>{chat_text("a"), kStop};
    EXPECT_TRUE(assemble_chat(finished).is_complete());
    const auto cut = assemble(StreamOf{.clean = false}, finished);
    EXPECT_EQ(cut.outcome.error_code, "stream_truncated");
    const auto counted = std::vector<std::string>{chat_text("a"), kStop, kUsage};
    EXPECT_TRUE(assemble(StreamOf{.clean = false}, counted).is_complete());
    const auto done = std::vector<std::string>{chat_text("a"), kStop, "[DONE]"};
    EXPECT_TRUE(assemble(StreamOf{.clean = false}, done).is_complete());
}

TEST(Assembler, EveryFinishReasonOfAWholeAnswerCounts) {
    for (const auto* reason :
         {"stop", "length", "tool_calls", "function_call", "content_filter", "eos", "eos_token",
          "stop_sequence", "model_length", "end_turn", "max_tokens", "STOP", "something new"}) {
        const auto result = assemble_chat({chat_text("a", json(reason).dump()), "[DONE]"});
        EXPECT_EQ(result.output["choices"][0]["finish_reason"], reason);
    }
    const auto object = assemble_chat({chat_text("a", R"({"type":"stop","matched":2})")});
    EXPECT_EQ(object.output["choices"][0]["finish_reason"],
              json::parse(R"({"type":"stop","matched":2})"));
}

TEST(Assembler, EndsTheAttemptWhenTheServerGaveUp) {
    for (const auto* reason :
         {"\"abort\"", "\"error\"", "\"insufficient_system_resource\"", "\"network_error\"",
          "\"cancelled\"", R"({"type":"abort","message":"x"})"}) {
        const auto result = assemble_chat({chat_text("a"), chat_chunk("{}", reason)});
        ASSERT_TRUE(result.early) << reason;
        EXPECT_EQ(result.early->kind, OutcomeKind::kRetryable);
        EXPECT_EQ(result.early->error_code, "generation_aborted");
    }
}

TEST(Assembler, DoneAloneIsNotEnough) {
    const auto silent = assemble_chat({chat_text("half"), "[DONE]"});
    ASSERT_TRUE(silent.early);
    EXPECT_EQ(silent.early->kind, OutcomeKind::kRetryable);
    EXPECT_EQ(silent.early->error_code, "stream_truncated");
    EXPECT_TRUE(assemble_chat({"[DONE]"}).early);
    // Usage that comes with text proves nothing either: some servers count as they go.
    const auto going = R"({"choices":[{"index":0,"delta":{"content":"a"}}],
                           "usage":{"prompt_tokens":1,"completion_tokens":1}})";
    EXPECT_TRUE(assemble_chat({going, "[DONE]"}).early);
    const auto silent_too = R"({"choices":[{"index":0,"delta":{"content":""}}],
                                "usage":{"prompt_tokens":1,"completion_tokens":1}})";
    EXPECT_TRUE(assemble_chat({going, silent_too, "[DONE]"}).early);
}

// new-api counts the tokens that it got before its server broke off, and writes [DONE] itself.
TEST(Assembler, UsageAndDoneAreNotEnoughWithoutAFinishReason) {
    for (const auto* reason : {"null", R"("")", R"("null")"}) {
        const auto counted = assemble_chat({chat_text("half", reason), kUsage, "[DONE]"});
        ASSERT_TRUE(counted.early) << reason;
        EXPECT_EQ(counted.early->kind, OutcomeKind::kRetryable) << reason;
        EXPECT_EQ(counted.early->error_code, "stream_truncated") << reason;
        EXPECT_NE(counted.early->error_message.find("finish reason"), std::string::npos);
    }
    EXPECT_TRUE(assemble_chat({chat_text("whole"), kStop, kUsage, "[DONE]"}).is_complete());
}

TEST(Assembler, AFinishReasonBeforeMoreTextDoesNotCount) {
    const std::vector<std::string> stream{chat_text("a", "\"stop\""), chat_text("b", "\"stop\"")};
    const auto open = assemble_chat(stream);
    EXPECT_EQ(open.end, End::kOpen);
    EXPECT_EQ(open.outcome.error_code, "stream_truncated");
    // A finish reason that came before more text, and not again, does not count.
    const auto early = assemble_chat({stream[0], chat_text("b"), "[DONE]"});
    EXPECT_EQ(early.outcome.error_code, "stream_truncated");
    const auto late = assemble_chat({stream[0], chat_text("b"), kStop, "[DONE]"});
    EXPECT_EQ(late.message()["content"], "ab");
}

// gcli2api, and LiteLLM in front of Gemini, have sent these.
TEST(Assembler, AFinishReasonInEveryChunkDoesNotCount) {
    const std::vector<std::string> spoken{chat_text("a", "\"stop\""), chat_text("b", "\"stop\"")};
    const std::vector<std::string> thought{chat_chunk(R"({"reasoning_content":"a"})", "\"stop\""),
                                           chat_text("b", "\"stop\"")};
    for (const auto& stream : {spoken, thought}) {
        const std::vector<std::vector<std::string>> ends{
            {"[DONE]"}, {kUsage, "[DONE]"}, {kStop, "[DONE]"}, {kStop, kUsage, "[DONE]"}, {kStop}};
        for (const auto& end : ends) {
            auto events = stream;
            events.insert(events.end(), end.begin(), end.end());
            const auto result = assemble_chat(events);
            EXPECT_EQ(result.outcome.kind, OutcomeKind::kRetryable);
            EXPECT_EQ(result.outcome.error_code, "stream_truncated");
        }
    }
}

// Open WebUI ends the reasoning with one, and the text with another.
TEST(Assembler, AFinishReasonOfEachPartCountsWithDone) {
    const std::vector<std::string> stream{chat_chunk(R"({"reasoning_content":"a"})", "\"stop\""),
                                          chat_text("b"), chat_text("c")};
    EXPECT_EQ(assemble_chat({stream[0], stream[1], stream[2], "[DONE]"}).outcome.error_code,
              "stream_truncated");
    const auto whole = assemble_chat({stream[0], stream[1], stream[2], kStop, "[DONE]"});
    EXPECT_EQ(whole.message()["content"], "bc");
}

TEST(Assembler, TakesTheLastChunkTwice) {
    EXPECT_EQ(assemble_chat({chat_text("a"), kStop, kStop, kUsage, kUsage, "[DONE]"})
                  .message()["content"],
              "a");
}

TEST(Assembler, NothingCountsAfterDone) {
    const auto result = assemble_chat({chat_text("a"), kStop, "[DONE]", chat_text("b"),
                                       R"({"error":"late"})", "<html>", "[DONE]"});
    EXPECT_EQ(result.message()["content"], "a");
    EXPECT_EQ(result.partial, "a");
}

// --- Choices ------------------------------------------------------------------------------------

TEST(Assembler, NeedsAsManyChoicesAsWereRequested) {
    // LiteLLM streams the answers to two prompts under index 0.
    const std::vector<std::string> scrambled{
        R"({"choices":[{"index":0,"text":"one "}]})", R"({"choices":[{"index":0,"text":"uno "}]})",
        R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}]})", "[DONE]"};
    const auto result = assemble({.kind = RequestKind::kCompletion, .count = 2}, scrambled);
    EXPECT_EQ(result.outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(result.outcome.error_code, "invalid_response");
    EXPECT_NE(result.outcome.error_message.find("1 choices, but 2"), std::string::npos)
        << result.outcome.error_message;
}

TEST(Assembler, NeedsAFinishReasonOfEveryChoice) {
    const std::vector<std::string> stream{
        R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"},
                       {"index":1,"delta":{"content":"b"}}]})",
        "[DONE]"};
    EXPECT_EQ(assemble({.count = 2}, stream).outcome.error_code, "stream_truncated");
    EXPECT_EQ(assemble({.count = std::nullopt}, stream).outcome.error_code, "stream_truncated");
}

TEST(Assembler, TakesNoMoreChoicesThanWereRequested) {
    const auto* two = R"({"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]})";
    EXPECT_EQ(assemble_chat({two}).early->error_code, "invalid_response");
    EXPECT_FALSE(assemble({.count = std::nullopt}, std::vector<std::string>{two}).early);
    const auto* twice = R"({"choices":[{"index":0,"delta":{}},{"index":0,"delta":{}}]})";
    EXPECT_EQ(assemble_chat({twice}).early->error_code, "invalid_response");
}

TEST(Assembler, TakesIndicesAsServersGiveThem) {
    for (const auto* index : {"null", "0", "\"0\"", "7"}) {
        const auto event =
            R"({"choices":[{"delta":{"content":"a"},"finish_reason":"stop","index":)" +
            std::string(index) + "}]}";
        EXPECT_EQ(assemble_chat({event}).message()["content"], "a") << index;
    }
    for (const auto* index : {"-1", "1e9", "0.5", "1024", "18446744073709551616", "\"y\"", "{}"}) {
        const auto event =
            R"({"choices":[{"delta":{"content":"a"},"index":)" + std::string(index) + "}]}";
        const auto result = assemble_chat({event});
        ASSERT_TRUE(result.early) << index;
        EXPECT_EQ(result.early->error_code, "invalid_response") << index;
    }
    // Without an index, the place in the list counts.
    const auto places = assemble(
        {.count = 2},
        std::vector<std::string>{R"({"choices":[{"delta":{"content":"a"},"finish_reason":"stop"},
                                    {"delta":{"content":"b"},"finish_reason":"stop"}]})"});
    EXPECT_EQ(places.output["choices"][1]["message"]["content"], "b");
}

}  // namespace
}  // namespace millrace::backends::openai
