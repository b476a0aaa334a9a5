#include "worker/backends/llama/llama_request.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace millrace::backends::llama {
namespace {

LlamaRequest request_of(const std::string& parameters) {
    const auto parsed = parse_llama_request(R"({"prompt":"a",)" + parameters + "}");
    if (const auto* refused = std::get_if<Outcome>(&parsed)) {
        ADD_FAILURE() << parameters << ": " << refused->error_message;
        return {};
    }
    return std::get<LlamaRequest>(parsed);
}

Outcome refusal_of(const std::string& parameters) {
    const auto parsed = parse_llama_request(R"({"prompt":"a",)" + parameters + "}");
    const auto* refused = std::get_if<Outcome>(&parsed);
    return refused ? *refused : Outcome{};
}

TEST(LlamaRequest, ReadsTheFieldsOfThisBackend) {
    const auto request = request_of(
        R"("repeat_penalty":1.1,"repeat_last_n":32,"frequency_penalty":0.5,"presence_penalty":-1,
           "logit_bias":{"7":5,"9":-100},"ignore_eos":true)");
    EXPECT_FLOAT_EQ(request.repeat_penalty, 1.1F);
    EXPECT_EQ(request.repeat_last_n, 32);
    EXPECT_FLOAT_EQ(request.frequency_penalty, 0.5F);
    EXPECT_FLOAT_EQ(request.presence_penalty, -1);
    EXPECT_TRUE(request.ignore_eos);
    ASSERT_EQ(request.logit_bias.size(), 2U);
    EXPECT_EQ(request.logit_bias[0], (std::pair<Token, float>{7, 5}));
    EXPECT_TRUE(std::isinf(request.logit_bias[1].second));
}

TEST(LlamaRequest, AcceptsNeutralValues) {
    const auto request = request_of(
        R"("n":1,"logprobs":false,"stream":true,"stream_options":{"include_usage":true},"user":"u",
           "response_format":{"type":"text"},"tools":null,"grammar":null,"logit_bias":{})");
    EXPECT_TRUE(request.grammar.empty());
    EXPECT_FALSE(request.ignore_eos);
}

TEST(LlamaRequest, MakesGrammarsFromOutputFormats) {
    EXPECT_EQ(request_of(R"("grammar":"root ::= \"a\"")").grammar, "root ::= \"a\"");
    EXPECT_NE(request_of(R"("response_format":{"type":"json_object"})").grammar, "");
    EXPECT_NE(request_of(R"("json_schema":{"type":"string"})").grammar, "");
    EXPECT_NE(request_of(R"("response_format":{"type":"json_object","schema":{"type":"string"}})")
                  .grammar,
              "");
    // The order is that of the schema, not of the alphabet.
    const auto grammar = request_of(R"("response_format":{"type":"json_schema","json_schema":{
        "name":"x","strict":true,"schema":{"type":"object","properties":{
        "zebra":{"type":"string"},"ant":{"type":"string"}}}}})")
                             .grammar;
    EXPECT_LT(grammar.find("zebra"), grammar.find("ant"));
}

TEST(LlamaRequest, RefusesUnsupportedAndInvalidMembers) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"("tools":[])", "unsupported_operation"},
        {R"("n":2)", "unsupported_operation"},
        {R"("logprobs":true)", "unsupported_operation"},
        {R"("typical_p":0.5)", "unsupported_operation"},
        {R"("frequency_penalty":3)", "invalid_input"},
        {R"("repeat_penalty":0)", "invalid_input"},
        {R"("repeat_last_n":-1)", "invalid_input"},
        {R"("ignore_eos":1)", "invalid_input"},
        {R"("logit_bias":[5])", "invalid_input"},
        {R"("logit_bias":{"a":5})", "invalid_input"},
        {R"("logit_bias":{"-3":5})", "invalid_input"},
        {R"("logit_bias":{"3":500})", "invalid_input"},
        {R"("grammar":"root = a")", "invalid_input"},
        {R"("grammar":{})", "invalid_input"},
        {R"("response_format":"json")", "invalid_input"},
        {R"("response_format":{"type":"xml"})", "invalid_input"},
        {R"("response_format":{"type":"json_schema"})", "invalid_input"},
        {R"("response_format":{"type":"json_schema","json_schema":{"name":"x"}})", "invalid_input"},
        {R"("response_format":{"type":"json_object"},"grammar":"root ::= \"a\"")", "invalid_input"},
        {R"("json_schema":{"type":"string","pattern":"a"})", "invalid_input"},
    };
    for (const auto& [parameters, code] : cases) {
        const auto refused = refusal_of(parameters);
        EXPECT_EQ(refused.kind, OutcomeKind::kPermanent) << parameters;
        EXPECT_EQ(refused.error_code, code) << parameters << ": " << refused.error_message;
    }
}

}  // namespace
}  // namespace millrace::backends::llama
