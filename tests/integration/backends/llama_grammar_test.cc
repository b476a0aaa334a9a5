// The llama backend's output when it must have a given form. llama.cpp itself decides whether a
// text fits a grammar, with the vocabulary of the real model.
#include <llama-cpp.h>

#include <cmath>

#include "tests/integration/backends/llama_fixture.h"
#include "worker/backends/llama/json_schema_grammar.h"
#include "worker/backends/llama/library.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

class Vocabulary {
 public:
    Vocabulary() {
        llama::init_llama_library();
        auto params = llama_model_default_params();
        params.vocab_only = true;
        model_.reset(llama_model_load_from_file(model_path().c_str(), params));
    }

    // Returns whether the grammar accepts the text and may end after it.
    bool fits(const std::string& grammar, const std::string& text) const {
        const auto* vocab = llama_model_get_vocab(model_.get());
        const llama_sampler_ptr sampler(llama_sampler_init_grammar(vocab, grammar.c_str(), "root"));
        if (!sampler) {
            ADD_FAILURE() << llama::llama_last_error() << "\n" << grammar;
            return false;
        }
        std::vector<llama_token> tokens(text.size() + 1);
        const int count = llama_tokenize(vocab, text.data(), static_cast<int>(text.size()),
                                         tokens.data(), static_cast<int>(tokens.size()),
                                         /*add_special=*/false, /*parse_special=*/false);
        tokens.resize(static_cast<std::size_t>(count));
        for (const auto token : tokens) {
            if (!allows(sampler.get(), token)) return false;
            llama_sampler_accept(sampler.get(), token);
        }
        return allows(sampler.get(), llama_vocab_eos(vocab));
    }

 private:
    static bool allows(llama_sampler* sampler, llama_token token) {
        llama_token_data candidate{token, 1, 0};
        llama_token_data_array one{&candidate, 1, -1, false};
        llama_sampler_apply(sampler, &one);
        return !std::isinf(candidate.logit);
    }

    llama_model_ptr model_;
};

struct Case {
    std::string schema;
    std::vector<std::string> fitting;
    std::vector<std::string> others;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        {R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},
             "tags":{"type":"array","items":{"type":"string"}}},"required":["name","tags"]})",
         {R"({"name":"a","age":5,"tags":[]})", R"({"name": "a", "tags": ["x", "y"]})",
          "{\n  \"name\": \"\\u00e9 é\",\n  \"tags\": []\n}"},
         {R"({"age":5,"name":"a","tags":[]})", R"({"name":"a"})", R"({"name":"a","tags":[],"z":1})",
          R"({"name":"a","age":5.5,"tags":[]})", R"({"name":"a","age":05,"tags":[]})",
          R"({"name":"a",,"tags":[]})", R"({"name":"a","tags":[],})", "[]"}},
        {R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"boolean"},
             "c":{"type":"number"}}})",
         {"{}", R"({"a":null})", R"({"b":true})", R"({"c":-1.5e+3})", R"({"a":null,"c":0})",
          R"({"a":null,"b":false,"c":12.25})"},
         {R"({"b":true,"a":null})", R"({"c":.5})", R"({"c":01})", R"({,"a":null})"}},
        {R"({"type":"object","additionalProperties":{"type":"integer"}})",
         {"{}", R"({"x":1,"y":-2})"},
         {R"({"x":"1"})"}},
        {R"({"type":"object","additionalProperties":false})", {"{}"}, {R"({"x":1})"}},
        {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
         {"[1]", "[1,2,3]"},
         {"[]", "[1,2,3,4]", "[1,]"}},
        {R"({"items":{"type":"integer"},"maxItems":1})", {"[]", "[7]"}, {"[1,2]"}},
        {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
        {R"({"enum":["red","say \"hi\"",3,null]})",
         {R"("red")", R"("say \"hi\"")", "3", "null"},
         {R"("green")", "33", "red"}},
        {R"({"const":{"a":[1]},"type":"object"})", {R"({"a":[1]})"}, {R"({"a":[2]})"}},
        {R"({"type":"string","minLength":2,"maxLength":3})",
         {R"("ab")", R"("é\"x")"},
         {R"("a")", R"("abcd")"}},
        {R"({"type":["string","null"]})", {R"("")", "null"}, {"1"}},
        {R"({"anyOf":[{"type":"integer"},{"type":"object","properties":{"k":{"const":"v"}}}]})",
         {"12", R"({"k":"v"})"},
         {R"({"k":"w"})", R"("12")"}},
        {R"({"type":"string","format":"date"})",
         {R"("2026-11-26")"},
         {R"("2026-13-26")", R"("26.11.2026")"}},
        {R"({"type":"string","format":"date-time"})",
         {R"("2026-11-26T16:30:00Z")", R"("2026-11-26T16:30:00.125+01:00")"},
         {R"("2026-11-26 16:30")", R"("2026-11-26T25:30:00Z")"}},
        {R"({"type":"string","format":"uuid"})",
         {R"("0190163d-8694-739b-aea5-966c26f8ad91")"},
         {R"("0190163d")"}},
        {R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
             "value":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},
             "required":["value","next"],"additionalProperties":false}}})",
         {R"({"value":1,"next":{"value":2,"next":null}})"},
         {R"({"value":1,"next":{"value":2}})"}},
        {R"({})", {"1", R"({"a":[{"b":null}]})", R"("\ud7ff")"}, {"", R"("\ud800")", "nul"}},
    };
    return all;
}

TEST(LlamaGrammar, TakesWhatFitsTheSchemaAndNothingElse) {
    const Vocabulary vocabulary;
    for (const auto& [schema, fitting, others] : cases()) {
        const auto grammar = llama::grammar_of_schema(ordered_json::parse(schema));
        ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
        for (const auto& text : fitting) {
            EXPECT_TRUE(vocabulary.fits(*grammar, text)) << text << "\n" << schema;
        }
        for (const auto& text : others) {
            EXPECT_FALSE(vocabulary.fits(*grammar, text)) << text << "\n" << schema;
        }
    }
}

class LlamaForm : public LlamaFixture {};

TEST_F(LlamaForm, AnswersByASchema) {
    const auto schema = json::parse(R"({"type":"object","properties":{
        "fruit":{"enum":["apple","pear"]},"count":{"type":"integer"},
        "notes":{"type":"array","items":{"type":"string","maxLength":8},"maxItems":2}},
        "required":["fruit","count","notes"],"additionalProperties":false})");
    std::vector<AttemptKey> keys;
    for (int seed = 0; seed < kSlots; ++seed) {
        keys.push_back(run(chat("Tell me about fruit.",
                                {{"seed", seed},
                                 {"temperature", 1.5},
                                 {"max_tokens", 200},
                                 {"response_format",
                                  {{"type", "json_schema"},
                                   {"json_schema", {{"name", "fruit"}, {"schema", schema}}}}}})));
    }
    for (const auto& key : keys) {
        const auto outcome = sink_.outcome(key);
        ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        const auto answer = json::parse(text_of(outcome));
        EXPECT_TRUE(answer["fruit"] == "apple" || answer["fruit"] == "pear") << answer;
        EXPECT_TRUE(answer["count"].is_number_integer()) << answer;
        EXPECT_LE(answer["notes"].size(), 2U) << answer;
        EXPECT_EQ(answer.size(), 3U) << answer;
    }
}

TEST_F(LlamaForm, AnswersWithAnObject) {
    const auto outcome = outcome_of(chat(
        "Say something.", {{"response_format", {{"type", "json_object"}}}, {"max_tokens", 30}}));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(text_of(outcome).front(), '{');
}

TEST_F(LlamaForm, FollowsAGrammar) {
    const auto outcome = outcome_of(
        chat("Is the sky blue?", {{"grammar", "root ::= (\"ja\" | \"nein\") \"!\"{3}"}}));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_TRUE(text_of(outcome) == "ja!!!" || text_of(outcome) == "nein!!!") << text_of(outcome);
    EXPECT_EQ(json::parse(outcome.output_json)["choices"][0]["finish_reason"], "stop");
}

TEST_F(LlamaForm, AWrongGrammarFailsItsOwnJobOnly) {
    const auto good = run(chat("Tell a story.", {{"max_tokens", 10}}));
    for (const auto* grammar : {"root ::= other", "root ::= root \"a\"", "nonsense"}) {
        const auto outcome = outcome_of(chat("Hello.", {{"grammar", grammar}}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << grammar;
        EXPECT_EQ(outcome.error_code, "invalid_input") << outcome.error_message;
    }
    EXPECT_EQ(sink_.outcome(good).kind, OutcomeKind::kCompleted);
}

TEST_F(LlamaForm, BansAndForcesTokens) {
    const auto text = [&](const json& more) {
        json input{{"temperature", 0}, {"max_tokens", 6}, {"ignore_eos", true}};
        input.update(more);
        return text_of(outcome_of(chat("Say yes.", input)));
    };
    const auto forced = text({{"logit_bias", {{"34", 100}}}});
    EXPECT_EQ(forced, std::string(6, forced.front()));
    EXPECT_EQ(text({{"logit_bias", {{"34", -100}}}}).find(forced.front()), std::string::npos);
    const auto outcome = outcome_of(chat("a", {{"logit_bias", {{"99999999", 1}}}}));
    EXPECT_EQ(outcome.error_code, "invalid_input") << outcome.error_message;
}

// One token is always the likeliest and another the second, until penalties outweigh that.
TEST_F(LlamaForm, PenaltiesStopARepetition) {
    const auto text = [&](const json& more) {
        json input{{"temperature", 0},
                   {"max_tokens", 24},
                   {"ignore_eos", true},
                   {"logit_bias", {{"34", 100}, {"35", 80}}}};
        input.update(more);
        return text_of(outcome_of(chat("Say yes.", input)));
    };
    const auto repeated = text(json::object());
    EXPECT_EQ(repeated, std::string(24, repeated.front()));
    for (const auto& penalty : {json{{"repeat_penalty", 3}}, json{{"frequency_penalty", 2}}}) {
        const auto other = text(penalty);
        EXPECT_NE(other.find_first_not_of(repeated.front()), std::string::npos) << penalty;
    }
}

}  // namespace
}  // namespace millrace::backends
