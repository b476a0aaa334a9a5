#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/process/message.h"

namespace millrace::backends::process {
namespace {

using nlohmann::json;

template <class Message>
Message parsed(const std::string& text) {
    const auto message = parse_message({.json = text});
    if (!message.has_value()) throw std::runtime_error(message.error().message);
    return std::get<Message>(*message);
}

TEST(ProcessMessage, GreetsWithLimits) {
    const auto hello = json::parse(hello_message(
        {.slot = 1, .device = "GPU-7", .output_bytes_max = 1000, .grace = milliseconds(50)}));
    EXPECT_EQ(hello, (json{{"type", "hello"},
                           {"protocol", 1},
                           {"slot", 1},
                           {"device", "GPU-7"},
                           {"output_bytes_max", 1000},
                           {"grace_ms", 50}}));
    EXPECT_FALSE(json::parse(hello_message({})).contains("device"));
}

TEST(ProcessMessage, PassesTheInputOnUnchanged) {
    auto execution = make_execution({.model = "m", .input = R"({"x":  1.50})", .attempt = 2});
    const auto now = execution.deadline - milliseconds(1500);
    const auto text = item_message(7, execution, now);
    EXPECT_NE(text.find(R"("input":{"x":  1.50}})"), std::string::npos) << text;
    auto item = json::parse(text);
    EXPECT_EQ(item["item"], 7);
    EXPECT_EQ(item["model"], "m");
    EXPECT_EQ(item["attempt"], 2);
    EXPECT_EQ(item["remaining_ms"], 1500);
    EXPECT_EQ(item["job"], execution.job.key.job.str());
    EXPECT_FALSE(item.contains("metadata"));

    execution.job.spec.metadata_json = R"({"for":"me"})";
    item = json::parse(item_message(7, execution, execution.deadline + milliseconds(1)));
    EXPECT_EQ(item["metadata"]["for"], "me");
    EXPECT_EQ(item["remaining_ms"], 0);
}

TEST(ProcessMessage, RunAndCancelNameTheirItems) {
    const std::vector<ItemId> ids{3, 4};
    EXPECT_EQ(json::parse(run_message(ids)), (json{{"type", "run"}, {"items", {3, 4}}}));
    EXPECT_EQ(json::parse(cancel_message(3, AbortReason::kDeadline)),
              (json{{"type", "cancel"}, {"item", 3}, {"reason", "deadline"}}));
}

TEST(ProcessMessage, ReadsWhatAProgramServes) {
    const auto ready = parsed<ReadyMessage>(
        R"({"type":"ready","protocol":1,"models":["a","b"],"batch_max":8,"new":1})");
    EXPECT_EQ(ready.models, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(ready.batch_max, 8U);
    EXPECT_EQ(parsed<ReadyMessage>(R"({"type":"ready","protocol":1})").batch_max, 1U);
}

TEST(ProcessMessage, ReadsProgressAndText) {
    const auto progress = parsed<ProgressMessage>(
        R"({"type":"progress","item":3,"fraction":1.5,"message":"step 2"})");
    EXPECT_EQ(progress.item, 3U);
    EXPECT_EQ(progress.fraction, 1);
    EXPECT_EQ(progress.message, "step 2");
    EXPECT_EQ(parsed<PartialMessage>(R"({"type":"partial","item":3,"text":"Hel"})").text, "Hel");
}

TEST(ProcessMessage, ReadsAnOutputAndItsUsage) {
    const auto end = parsed<EndMessage>(
        R"({"type":"done","item":3,"output":{"x":0.1,"usage":{"prompt_tokens":4}}})");
    EXPECT_EQ(end.item, 3U);
    EXPECT_EQ(end.outcome.kind, OutcomeKind::kCompleted);
    EXPECT_EQ(end.outcome.output_json, R"({"x":0.1,"usage":{"prompt_tokens":4}})");
    EXPECT_EQ(end.outcome.usage, (Usage{.prompt_tokens = 4}));
    const auto odd =
        parsed<EndMessage>(R"({"type":"done","item":3,)"
                           R"("output":{"usage":{"prompt_tokens":"4","completion_tokens":-1}}})");
    EXPECT_EQ(odd.outcome.usage, Usage{});
    EXPECT_EQ(parsed<EndMessage>(R"({"type":"done","item":3,"output":[1]})").outcome.output_json,
              "[1]");
}

TEST(ProcessMessage, ReadsFailures) {
    const auto end = parsed<EndMessage>(
        R"({"type":"failed","item":3,"kind":"rate_limited","code":"busy","message":"wait",)"
        R"("retry_after_ms":250})");
    EXPECT_EQ(end.outcome.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(end.outcome.error_code, "busy");
    EXPECT_EQ(end.outcome.error_message, "wait");
    EXPECT_EQ(end.outcome.retry_after, milliseconds(250));
    const auto bare = parsed<EndMessage>(R"({"type":"failed","item":3,"kind":"permanent"})");
    EXPECT_EQ(bare.outcome.error_code, "process_failure");
    EXPECT_FALSE(bare.outcome.retry_after);
}

TEST(ProcessMessage, KeepsTheBeginningOfLongErrors) {
    std::string long_message;
    for (int i = 0; i < 2000; ++i) long_message += "ü";
    const auto end = parsed<EndMessage>(json{
        {"type", "failed"},
        {"item", 3},
        {"kind", "permanent"},
        {"code", std::string(100, 'c')},
        {"message", "x" + long_message}}.dump());
    EXPECT_EQ(end.outcome.error_code.size(), 64U);
    EXPECT_EQ(end.outcome.error_message.size(), 2047U);  // No half character is left.
    EXPECT_TRUE(json::accept(json(end.outcome.error_message).dump()));
}

TEST(ProcessMessage, SaysWhatIsWrong) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"hello", "not a JSON object"},
        {"[]", "not a JSON object"},
        {R"({"type":"done","output":1})", "names no \"item\""},
        {R"({"type":"done","item":-1,"output":1})", "names no \"item\""},
        {R"({"type":"partial","item":1,"text":[]})", "needs a \"text\""},
        {R"({"type":"failed","item":1,"kind":"lost"})", "needs a \"kind\""},
        {R"({"type":"progress","item":1})", "needs a number \"fraction\""},
        {R"({"type":"dance","item":1})", "unknown \"type\""},
        {R"({"type":"ready"})", "\"protocol\": 1"},
        {R"({"type":"ready","protocol":2})", "\"protocol\": 1"},
        {R"({"type":"ready","protocol":1,"batch_max":0})", "\"batch_max\" must be"},
        {R"({"type":"ready","protocol":1,"models":"m"})", "list of names"},
        {R"({"type":"ready","protocol":1,"models":["a\u0000"]})", "list of names"},
    };
    for (const auto& [text, expected] : cases) {
        const auto message = parse_message({.json = text});
        ASSERT_FALSE(message.has_value()) << text.substr(0, 100);
        EXPECT_EQ(message.error().code, ErrorCode::kDataCorrupt);
        EXPECT_NE(message.error().message.find(expected), std::string::npos)
            << message.error().message;
    }
}

TEST(ProcessMessage, AnOutputIsPassedOnUnchanged) {
    for (const auto* output :
         {R"({"b":1.50,"a":[12345678901234567890123,1e2],"b":2})", R"("\u0000 \ud83d\ude00")",
          R"({"a" : [ 1 , 2 ]})", "-0.0", "false"}) {
        const auto end =
            parsed<EndMessage>(fmt::format(R"({{"type":"done","item":1,"output": {} }})", output));
        EXPECT_EQ(end.outcome.kind, OutcomeKind::kCompleted);
        EXPECT_EQ(end.outcome.output_json, output);
    }
}

TEST(ProcessMessage, InvalidTextIsReplaced) {
    const auto done =
        parsed<EndMessage>("{\"type\":\"done\",\"item\":1,\"output\":{\"x\":\"caf\\udce9 \xFF\"}}");
    EXPECT_EQ(done.outcome.output_json, "{\"x\":\"caf\\ufffd \uFFFD\"}");
    const auto failed = parsed<EndMessage>(
        R"({"type":"failed","item":1,"kind":"retryable","code":"x","message":"a\ud800b"})");
    EXPECT_EQ(failed.outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(failed.outcome.error_message, "a\uFFFDb");
    EXPECT_EQ(parsed<PartialMessage>("{\"type\":\"partial\",\"item\":1,\"text\":\"a\xE9\n\"}").text,
              "a\uFFFD\n");
}

TEST(ProcessMessage, AnInvalidOutputFailsOnlyItsItem) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({"scores":[0.5,NaN]})", "the output.scores[1] is NaN, which JSON cannot express"},
        {"-Infinity", "the output is -Infinity, which JSON cannot express"},
        {"1e400", "the output is a number that is too large"},
        {"{'text':1}", "the output has a name that is not in double quotes"},
        {"{\"text\":\"no end", "the output.text is incomplete"},
        {std::string(100'000, '['), "is nested deeper than 500 levels"},
        {"null", "the output must not be null"},
        {"", "\"done\" needs an \"output\""},
    };
    for (const auto& [output, expected] : cases) {
        const auto end =
            parsed<EndMessage>(fmt::format(R"({{"type":"done","item":9,"output":{}}})", output));
        EXPECT_EQ(end.item, 9U);
        EXPECT_EQ(end.outcome.kind, OutcomeKind::kPermanent);
        EXPECT_EQ(end.outcome.error_code, "invalid_output");
        EXPECT_NE(end.outcome.error_message.find(expected), std::string::npos)
            << end.outcome.error_message.substr(0, 100);
    }
    EXPECT_EQ(parsed<EndMessage>(R"({"type":"done","item":9})").outcome.error_code,
              "invalid_output");
}

TEST(ProcessMessage, ProgressThatIsNotANumberIsIgnored) {
    for (const auto* fraction : {"NaN", "Infinity", "-Infinity"}) {
        parsed<NoMessage>(fmt::format(R"({{"type":"progress","item":1,"fraction":{}}})", fraction));
    }
}

TEST(ProcessMessage, TheBeginningOfAFrameThatIsTooLongNamesItsItem) {
    const auto long_one = [](const std::string& text) {
        return parse_message({.json = text, .left_out = 5'000'000}).value();
    };
    const auto done =
        std::get<EndMessage>(long_one(R"({"type":"done","item":3,"output":{"a":"xx)"));
    EXPECT_EQ(done.item, 3U);
    EXPECT_EQ(done.outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(done.outcome.error_code, "output_too_large");
    const auto failed = std::get<EndMessage>(
        long_one(R"({"type":"failed","item":3,"kind":"retryable","code":"x","message":"yyy)"));
    EXPECT_EQ(failed.outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(failed.outcome.error_code, "x");
    EXPECT_TRUE(
        std::holds_alternative<NoMessage>(long_one(R"({"type":"partial","item":3,"text":"zzz)")));
    EXPECT_FALSE(parse_message({.json = R"({"output":"xxx)", .left_out = 9}).has_value());
}

// Any bytes from a child are understood or refused, and an accepted output can be stored.
TEST(ProcessMessage, SurvivesAnyBytes) {
    const std::vector<std::string> good{
        R"({"type":"done","item":3,"output":{"a":[1.5,"\ud83d\ude00",null],)"
        R"("usage":{"prompt_tokens":4}}})",
        R"({"type":"failed","item":3,"kind":"retryable","code":"x","message":"m",)"
        R"("retry_after_ms":5})",
        R"({"type":"partial","item":3,"text":"Hel\u0000lo"})",
        R"({"type":"progress","item":3,"fraction":0.5,"message":"half"})",
        R"({"type":"ready","protocol":1,"models":["a"],"batch_max":8})",
    };
    const std::vector<std::string> odd{"\"",
                                       "\\",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "NaN",
                                       "\\ud800",
                                       "\xED\xA0\x80",
                                       "\xFF",
                                       std::string(1, '\0'),
                                       "1e999",
                                       "-",
                                       "null"};
    test::SeededRandom random(17);
    int completed = 0;
    for (int i = 0; i < 50'000; ++i) {
        auto text = good[random.below(good.size())];
        for (auto n = random.below(4); n > 0; --n) {
            const auto at = random.below(text.size() + 1);
            const auto length = std::min<std::size_t>(random.below(3), text.size() - at);
            text.replace(at, length, odd[random.below(odd.size())]);
        }
        const auto message = parse_message({.json = text, .left_out = random.below(2) * 99});
        if (!message.has_value()) continue;
        if (const auto* partial = std::get_if<PartialMessage>(&*message)) {
            ASSERT_TRUE(json::accept(json(partial->text).dump())) << text;
        }
        const auto* end = std::get_if<EndMessage>(&*message);
        if (end == nullptr) continue;
        const auto& outcome = end->outcome;
        if (outcome.kind != OutcomeKind::kCompleted) {
            ASSERT_FALSE(outcome.error_code.empty()) << text;
            continue;
        }
        ++completed;
        ASSERT_TRUE(json::accept(outcome.output_json)) << text;
        ASSERT_TRUE(is_storable(outcome.output_json)) << text;
    }
    EXPECT_GT(completed, 1000);
}

TEST(ProcessMessage, BracketsInStringsAddNoDepth) {
    const auto text = std::string(1000, '[') + "\\\"" + std::string(1000, '{');
    const auto end = parsed<EndMessage>(R"({"type":"done","item":1,"output":")" + text + "\"}");
    EXPECT_EQ(end.outcome.output_json, '"' + text + '"');
}

}  // namespace
}  // namespace millrace::backends::process
