// llama_grammar_test.cc of the integration tests checks with llama.cpp itself which texts fit.
#include "worker/backends/llama/json_schema_grammar.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "worker/backends/llama/gbnf.h"

namespace millrace::backends::llama {
namespace {

using nlohmann::ordered_json;

std::string refusal(const std::string& schema) {
    const auto grammar = grammar_of_schema(ordered_json::parse(schema));
    return grammar.has_value() ? "" : grammar.error().message;
}

TEST(JsonSchemaGrammar, MakesGrammars) {
    const std::vector<std::string> schemas{
        R"({})",
        R"(true)",
        R"({"type":"object"})",
        R"({"properties":{"a\"\\":{"type":"string"},"b":{}},"required":["b"]})",
        R"({"type":"array","items":{"type":["integer","null"]},"minItems":2,"maxItems":4})",
        R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":
            {"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}}}}})",
        R"({"enum":["a",1,null,{"b":[true]}]})",
    };
    for (const auto& schema : schemas) {
        const auto grammar = grammar_of_schema(ordered_json::parse(schema));
        ASSERT_TRUE(grammar.has_value()) << schema << ": " << grammar.error().message;
        const auto status = check_gbnf(*grammar);
        EXPECT_TRUE(status.has_value()) << status.error().message << "\n" << *grammar;
    }
}

TEST(JsonSchemaGrammar, RefusesUnknownKeywordsWithNameAndPlace) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"(5)", "'#'"},
        {R"({"type":"string","pattern":"a+"})", "'pattern'"},
        {R"({"type":"object","properties":{"age":{"type":"integer","minimum":0}}})",
         "'minimum', which is not supported at '#/properties/age'"},
        {R"({"type":"array","prefixItems":[]})", "'prefixItems'"},
        {R"({"type":"string","format":"email"})", "email"},
        {R"({"type":"string","maxLength":100000})", "'maxLength'"},
        {R"({"type":"string","minLength":3,"maxLength":2})", "below"},
        {R"({"type":"text"})", "'text'"},
        {R"({"type":[]})", "type"},
        {R"({"type":7})", "type"},
        {R"({"minLength":1})", "'minLength'"},
        {R"({"enum":[]})", "'enum'"},
        {R"({"const":"a","maxLength":1})", "'maxLength'"},
        {R"({"allOf":[{},{}]})", "'allOf'"},
        {R"({"not":{}})", "'not'"},
        {R"({"anyOf":[{"type":"string"}],"type":"string"})", "'type' beside 'anyOf'"},
        {R"({"$ref":"https://example.org/a"})", "'$ref'"},
        {R"({"$ref":"#/$defs/missing"})", "missing"},
        {R"({"properties":{},"required":["a"]})", "\"a\""},
        {R"({"properties":{"a":{}},"additionalProperties":{"type":"string"}})",
         "'additionalProperties'"},
    };
    for (const auto& [schema, expected] : cases) {
        EXPECT_NE(refusal(schema).find(expected), std::string::npos)
            << schema << ": " << refusal(schema);
    }
}

TEST(JsonSchemaGrammar, BoundsItsDepth) {
    std::string schema = "{}";
    for (int i = 0; i < 200; ++i) schema = R"({"items":)" + schema + "}";
    EXPECT_NE(refusal(schema).find("too deep"), std::string::npos) << refusal(schema);
}

}  // namespace
}  // namespace millrace::backends::llama
