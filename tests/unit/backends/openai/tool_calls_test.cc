// Tool calls as servers stream them: each case is the behaviour of some server.
#include "worker/backends/openai/tool_calls.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/backends/openai/assembled.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

// Returns the calls that result from deltas, each the value of "tool_calls".
json calls_of(const std::vector<std::string>& deltas) {
    std::vector<std::string> events;
    for (const auto& delta : deltas)
        events.push_back(chat_chunk(R"({"tool_calls":)" + delta + "}"));
    events.push_back(chat_chunk("{}", "\"tool_calls\""));
    const auto result = assemble_chat(events);
    EXPECT_TRUE(result.is_complete()) << result.outcome.error_message;
    return result.is_complete() ? result.message()["tool_calls"] : json();
}

// Returns "id name(arguments)" of each.
std::vector<std::string> brief(const std::vector<std::string>& deltas) {
    std::vector<std::string> calls;
    for (const auto& call : calls_of(deltas)) {
        const auto& function = call["function"];
        calls.push_back(call.value("id", "-") + " " + function["name"].get<std::string>() + "(" +
                        function["arguments"].get<std::string>() + ")");
    }
    return calls;
}

using Calls = std::vector<std::string>;

TEST(ToolCalls, ComeInPieces) {
    EXPECT_EQ(calls_of({R"([{"index":0,"id":"t1","type":"function",
                   "function":{"name":"mill","arguments":""}}])",
                        R"([{"index":0,"id":"","type":null,"function":{"arguments":"{\"a\""}}])",
                        R"([{"index":0,"function":{"arguments":":1}"}}])"}),
              json::parse(R"([{"id":"t1","type":"function",
                               "function":{"name":"mill","arguments":"{\"a\":1}"}}])"));
}

TEST(ToolCalls, ContinueSideBySide) {
    EXPECT_EQ(brief({R"([{"index":0,"id":"t1","function":{"name":"a","arguments":""}},
                         {"index":1,"id":"t2","function":{"name":"b","arguments":""}}])",
                     R"([{"index":1,"function":{"arguments":"{\"b\":"}}])",
                     R"([{"index":0,"function":{"arguments":"{}"}}])",
                     R"([{"index":1,"function":{"arguments":"2}"}}])"}),
              (Calls{"t1 a({})", "t2 b({\"b\":2})"}));
}

// Ollama and bridges to Gemini do this.
TEST(ToolCalls, ANewIdAtAUsedIndexIsANewCall) {
    EXPECT_EQ(brief({R"([{"index":0,"id":"t1","function":{"name":"a","arguments":"{\"x\":1}"}}])",
                     R"([{"index":0,"id":"t2","function":{"name":"b","arguments":"{\"y\":2}"}}])",
                     R"([{"index":0,"id":"t3","function":{"name":"b","arguments":"{\"y\":2}"}}])"}),
              (Calls{"t1 a({\"x\":1})", "t2 b({\"y\":2})", "t3 b({\"y\":2})"}));
    // The pieces are told apart by their ids.
    EXPECT_EQ(brief({R"([{"index":0,"id":"t1","function":{"name":"a"}}])",
                     R"([{"index":0,"id":"t2","function":{"name":"a"}}])",
                     R"([{"index":0,"id":"t1","function":{"arguments":"{}"}}])",
                     R"([{"index":0,"id":"t2","function":{"arguments":"{\"y\":2}"}}])"}),
              (Calls{"t1 a({})", "t2 a({\"y\":2})"}));
    // The id comes before the name.
    EXPECT_EQ(brief({R"([{"index":0,"id":"t1","function":{"name":"a","arguments":"{}"}}])",
                     R"([{"index":0,"id":"t2"}])",
                     R"([{"index":0,"function":{"name":"b","arguments":"{}"}}])"}),
              (Calls{"t1 a({})", "t2 b({})"}));
}

// Old versions of vLLM made an id for every piece.
TEST(ToolCalls, ANewIdWithoutANameIsNotANewCall) {
    EXPECT_EQ(
        brief({R"([{"index":0,"id":"t1","type":"function","function":{"name":"a"}}])",
               R"([{"index":0,"id":"t2","type":"function","function":{"arguments":"{\"x\""}}])",
               R"([{"index":0,"id":"t3","type":"function","function":{"arguments":":1}"}}])",
               R"([{"index":0,"id":"t4","type":"function","function":{"arguments":""}}])"}),
        (Calls{"t1 a({\"x\":1})"}));
}

TEST(ToolCalls, BracesSayWhereArgumentsEndWhereverTheyAreCut) {
    const std::string arguments = R"({"a":"\"}]{","b":[{},{"c":"\\"}]})";
    std::vector<std::string> deltas{R"([{"index":0,"id":"t","function":{"name":"a"}}])"};
    const auto piece = [&](const std::string& text) {
        const auto id = "t" + std::to_string(deltas.size());
        deltas.push_back(R"([{"index":0,"id":")" + id + R"(","function":{"arguments":)" +
                         json(text).dump() + "}}]");
    };
    for (const char c : arguments) piece(std::string(1, c));
    piece("\n");
    EXPECT_EQ(brief(deltas), Calls{"t a(" + arguments + "\n)"});
    deltas.push_back(R"([{"index":0,"function":{"name":"a","arguments":"{}"}}])");
    EXPECT_EQ(brief(deltas).size(), 2U);
}

TEST(ToolCalls, AnIdMayBeRepeatedOrLateOrMissing) {
    EXPECT_EQ(brief({R"([{"index":0,"id":"t1","function":{"name":"a","arguments":"{"}}])",
                     R"([{"index":0,"id":"t1","function":{"arguments":"}"}}])"}),
              (Calls{"t1 a({})"}));
    EXPECT_EQ(brief({R"([{"index":0,"function":{"name":"a"}}])",
                     R"([{"index":0,"id":"t1","function":{"arguments":"{}"}}])"}),
              (Calls{"t1 a({})"}));
    EXPECT_EQ(brief({R"([{"index":0,"function":{"name":"a","arguments":"{}"}}])"}),
              (Calls{"- a({})"}));
    // All calls have one id.
    EXPECT_EQ(brief({R"([{"index":0,"id":"c","function":{"name":"a","arguments":"{}"}}])",
                     R"([{"index":1,"id":"c","function":{"name":"b","arguments":"{}"}}])"}),
              (Calls{"c a({})", "c b({})"}));
}

TEST(ToolCalls, WithoutAnIndexTheIdDecides) {
    for (const std::string index : {"", R"("index":null,)", R"("index":-1,)", R"("index":"x",)"}) {
        EXPECT_EQ(
            brief({"[{" + index + R"("id":"t1","function":{"name":"a","arguments":"{\"x\""}}])",
                   "[{" + index + R"("function":{"arguments":":1}"}}])",
                   "[{" + index + R"("id":"t2","function":{"name":"b","arguments":"{"}}])",
                   "[{" + index + R"("id":"t2","function":{"arguments":"}"}}])"}),
            (Calls{"t1 a({\"x\":1})", "t2 b({})"}))
            << index;
    }
}

TEST(ToolCalls, WithoutIndexAndIdThePlaceDecides) {
    EXPECT_EQ(brief({R"([{"function":{"name":"a","arguments":"{"}},
                         {"function":{"name":"a","arguments":"{\"b\""}}])",
                     R"([{"function":{"arguments":"}"}},{"function":{"arguments":":2}"}}])"}),
              (Calls{"- a({})", "- a({\"b\":2})"}));
}

TEST(ToolCalls, WithoutIndexAndIdAWholeCallEndsWithItsArguments) {
    for (const std::string index : {"", R"("index":0,)"}) {
        EXPECT_EQ(brief({"[{" + index + R"("function":{"name":"a","arguments":"{\"x\":1}"}}])",
                         "[{" + index + R"("function":{"name":"b","arguments":"{}"}}])",
                         "[{" + index + R"("function":{"name":"b","arguments":"{\"y\":2}"}}])"}),
                  (Calls{"- a({\"x\":1})", "- b({})", "- b({\"y\":2})"}))
            << index;
    }
}

TEST(ToolCalls, AnIndexMayBeAString) {
    EXPECT_EQ(brief({R"([{"index":"0","id":"t1","function":{"name":"a","arguments":"{"}}])",
                     R"([{"index":0,"function":{"arguments":"}"}}])"}),
              (Calls{"t1 a({})"}));
}

TEST(ToolCalls, AnIndexMayBeHuge) {
    EXPECT_EQ(brief({R"([{"index":9223372036854775807,"id":"t9","function":{"name":"b"}}])",
                     R"([{"index":3,"id":"t3","function":{"name":"a"}}])"}),
              (Calls{"t3 a()", "t9 b()"}));
}

TEST(ToolCalls, ANameMayComeWholeOrInPiecesOrAgainAndAgain) {
    EXPECT_EQ(brief({R"([{"index":0,"id":"t","function":{"name":"get_"}}])",
                     R"([{"index":0,"function":{"name":"weather"}}])",
                     R"([{"index":0,"function":{"name":"","arguments":"{}"}}])"}),
              (Calls{"t get_weather({})"}));
    EXPECT_EQ(brief({R"([{"index":0,"id":"t","function":{"name":"mill","arguments":""}}])",
                     R"([{"index":0,"id":"t","function":{"name":"mill","arguments":"{\"x\""}}])",
                     R"([{"index":0,"id":"t","function":{"name":"mill","arguments":":1}"}}])",
                     R"([{"index":0,"id":"t","function":{"name":"mill","arguments":""}}])"}),
              (Calls{"t mill({\"x\":1})"}));
    EXPECT_EQ(brief({R"([{"index":0,"id":"t","function":{"name":"get"}}])",
                     R"([{"index":0,"function":{"name":"get_weather"}}])",
                     R"([{"index":0,"function":{"arguments":"{}"}}])"}),
              (Calls{"t get_weather({})"}));
}

TEST(ToolCalls, ACallMayBeRepeatedAtTheEnd) {
    const std::string whole =
        R"([{"index":0,"id":"t","function":{"name":"a","arguments":"{\"x\":1}"}}])";
    EXPECT_EQ(brief({whole, whole}), (Calls{"t a({\"x\":1})"}));
}

TEST(ToolCalls, ArgumentsMayBeAnObjectOrNull) {
    EXPECT_EQ(brief({R"([{"index":0,"id":"t","function":{"name":"a","arguments":{"x": 1.50}}}])"}),
              (Calls{"t a({\"x\": 1.50})"}));
    EXPECT_EQ(brief({R"([{"index":0,"id":"t","function":{"name":"a","arguments":null}}])"}),
              (Calls{"t a()"}));
}

// TGI does this.
TEST(ToolCalls, ACallMayComeWithoutAList) {
    EXPECT_EQ(calls_of({R"({"index":0,"id":"t1","function":{"name":"a","arguments":"{"}})",
                        R"({"index":0,"function":{"arguments":"}"}})"}),
              json::parse(R"([{"id":"t1","function":{"name":"a","arguments":"{}"}}])"));
}

TEST(ToolCalls, OtherMembersStay) {
    EXPECT_EQ(
        calls_of(
            {R"([{"index":0,"id":"t","type":"custom","custom":{"name":"sh","input":"l"}}])",
             R"([{"index":0,"custom":{"input":"s"},"extra_content":{"google":{"sig":"QQ"}}}])"}),
        json::parse(R"([{"id":"t","type":"custom","custom":{"name":"sh","input":"ls"},
                         "extra_content":{"google":{"sig":"QQ"}}}])"));
}

TEST(ToolCalls, ACallWithoutANameIsNotACall) {
    const auto result = assemble_chat(
        {chat_chunk(R"({"tool_calls":[{"index":0,"id":"t","function":{"arguments":"{}"}}]})"),
         kStop});
    EXPECT_EQ(result.outcome.error_code, "invalid_response");
}

TEST(FunctionCall, ComesInPieces) {
    const auto result =
        assemble_chat({chat_chunk(R"({"function_call":{"name":"a","arguments":""}})"),
                       chat_chunk(R"({"function_call":{"arguments":"{\"x\""}})"),
                       chat_chunk(R"({"function_call":{"name":"a","arguments":":1}"}})"),
                       chat_chunk(R"({"function_call":null})", "\"function_call\"")});
    EXPECT_EQ(result.message()["function_call"],
              json::parse(R"({"name":"a","arguments":"{\"x\":1}"})"));
    EXPECT_TRUE(result.message()["content"].is_null());
}

}  // namespace
}  // namespace millrace::backends::openai
