#include "worker/backends/llama/json_schema_grammar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::backends::llama {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::span<const std::string_view>;

constexpr int kSchemaDepthMax = 64;         // The gateway's limit for JSON.
constexpr int kSchemaRepetitionMax = 1000;  // llama.cpp parses up to 2000.

// The keywords that do not restrict the document.
constexpr std::array<std::string_view, 11> kDescriptions{
    "title",    "description", "default",     "examples",   "$schema", "$id",
    "$comment", "$defs",       "definitions", "deprecated", "$anchor"};
constexpr std::array<std::string_view, 3> kStringWords{"minLength", "maxLength", "format"};
constexpr std::array<std::string_view, 3> kArrayWords{"items", "minItems", "maxItems"};
constexpr std::array<std::string_view, 3> kObjectWords{"properties", "required",
                                                       "additionalProperties"};

struct Type {
    std::string_view name;
    Words words;
};
constexpr std::array<Type, 7> kTypes{{{"object", kObjectWords},
                                      {"array", kArrayWords},
                                      {"string", kStringWords},
                                      {"number", {}},
                                      {"integer", {}},
                                      {"boolean", {}},
                                      {"null", {}}}};

// White space is bounded, so that a model cannot generate it endlessly.
constexpr std::string_view kBasicRules = R"GBNF(ws ::= | " " | "\n" [ \t]{0,20}
hex ::= [0-9a-fA-F]
unit ::= [0-9a-ce-fA-CE-F] hex{3} | [dD] [0-7] hex{2}
char ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" unit)
string ::= "\"" char* "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?
boolean ::= "true" | "false"
null ::= "null"
value ::= object | array | string | number | boolean | null
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
date ::= [0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])
hour ::= [01] [0-9] | "2" [0-3]
sixty ::= [0-5] [0-9]
time ::= hour ":" sixty ":" sixty ("." [0-9]{3})? ("Z" | [-+] hour ":" sixty)
uuid ::= [0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}
)GBNF";

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFormats{
    {{"date", R"("\"" date "\"")"},
     {"time", R"("\"" time "\"")"},
     {"date-time", R"("\"" date "T" time "\"")"},
     {"uuid", R"("\"" uuid "\"")"}}};

bool is_one_of(std::string_view word, Words words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The text as a literal of a grammar.
std::string literal(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

Error refused(const std::string& at, std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("the JSON schema {} at '#{}'", why, at)};
}

class Converter {
 public:
    explicit Converter(const Json& root) : root_(root) {}

    Result<std::string> grammar() {
        TRY(const auto top, expression(root_, "", 0));
        return fmt::format("root ::= {}\n{}{}", top, kBasicRules, rules_);
    }

 private:
    using Expression = Result<std::string>;

    // The expression that replaces the schema within a rule.
    Expression expression(const Json& schema, const std::string& at, int depth);
    Expression reference(const Json& schema, const std::string& at, int depth);
    static Expression one_of(const Json& values, const Json& schema, std::string_view word,
                             const std::string& at);
    Expression any_of(const Json& schemas, const std::string& at, int depth);
    Expression of_type(const Json& schema, std::string_view type, const std::string& at, int depth);
    Expression object(const Json& schema, const std::string& at, int depth);
    Expression array(const Json& schema, const std::string& at, int depth);
    Expression string(const Json& schema, const std::string& at);
    static Result<std::vector<std::string>> types(const Json& schema, const std::string& at);
    static Status only(const Json& schema, std::string_view word, const std::string& at);
    // The minimum and maximum counts for the notation of a repetition; -1 if there is no maximum.
    static Result<std::pair<int, int>> counts(const Json& schema, const char* least,
                                              const char* most, const std::string& at);

    std::string add_rule(std::string_view body) {
        auto name = fmt::format("r{}", ++rule_count_);
        rules_ += fmt::format("{} ::= {}\n", name, body);
        return name;
    }

    const Json& root_;
    std::map<std::string, std::string> referenced_;  // The rules by the reference to them.
    std::string rules_;
    int rule_count_ = 0;
};

std::string alternatives(const std::vector<std::string>& expressions) {
    return fmt::format("({})", fmt::join(expressions, " | "));
}

Status Converter::only(const Json& schema, std::string_view word, const std::string& at) {
    for (const auto& [key, value] : schema.items()) {
        if (key == word || is_one_of(key, kDescriptions)) continue;
        return refused(at, fmt::format("has '{}' beside '{}', which is not supported", key, word));
    }
    return ok();
}

Converter::Expression Converter::expression(const Json& schema, const std::string& at, int depth) {
    if (depth > kSchemaDepthMax) return refused(at, "is nested too deeply");
    if (schema == true) return "value";
    if (!schema.is_object()) return refused(at, "must be an object or true");
    if (schema.contains("$ref")) return reference(schema, at, depth);
    if (schema.contains("const"))
        return one_of(Json::array({schema["const"]}), schema, "const", at);
    if (schema.contains("enum")) return one_of(schema["enum"], schema, "enum", at);
    for (const auto* word : {"anyOf", "oneOf"}) {
        if (!schema.contains(word)) continue;
        TRY_STATUS(only(schema, word, at));
        return any_of(schema[word], fmt::format("{}/{}", at, word), depth);
    }
    if (schema.contains("allOf")) {
        const auto& all = schema["allOf"];
        if (!all.is_array() || all.size() != 1) {
            return refused(at, "has an 'allOf' of several schemas, which is not supported");
        }
        TRY_STATUS(only(schema, "allOf", at));
        return expression(all[0], at + "/allOf/0", depth + 1);
    }
    TRY(const auto names, types(schema, at));
    std::vector<std::string> expressions;
    for (const auto& name : names) {
        TRY(auto each, of_type(schema, name, at, depth));
        expressions.push_back(std::move(each));
    }
    return expressions.size() == 1 ? expressions.front() : alternatives(expressions);
}

// The types that a schema allows. Refuses keywords that none of them supports.
Result<std::vector<std::string>> Converter::types(const Json& schema, const std::string& at) {
    std::vector<std::string> names;
    const auto given = schema.value("type", Json());
    if (given.is_null()) {
        if (schema.contains("properties") || schema.contains("additionalProperties")) {
            names.emplace_back("object");
        } else if (schema.contains("items")) {
            names.emplace_back("array");
        }
    }
    const bool any = names.empty() && given.is_null();
    if (!given.is_null()) {
        for (const auto& name : given.is_array() ? given : Json::array({given})) {
            if (!name.is_string()) return refused(at, "has a 'type' that is not a name");
            names.push_back(name.get<std::string>());
        }
    }
    for (auto member = schema.begin(); member != schema.end(); ++member) {
        const auto& key = member.key();
        if (key == "type" || is_one_of(key, kDescriptions)) continue;
        const bool known = std::any_of(kTypes.begin(), kTypes.end(), [&](const Type& type) {
            return std::find(names.begin(), names.end(), type.name) != names.end() &&
                   is_one_of(key, type.words);
        });
        if (!known) return refused(at, fmt::format("has '{}', which is not supported", key));
    }
    if (any) names.emplace_back("value");
    if (names.empty()) return refused(at, "has an empty 'type'");
    return names;
}

Converter::Expression Converter::reference(const Json& schema, const std::string& at, int depth) {
    TRY_STATUS(only(schema, "$ref", at));
    const auto& target = schema["$ref"];
    if (!target.is_string() || !target.get_ref<const std::string&>().starts_with('#')) {
        return refused(at, "has a '$ref' to another document, which is not supported");
    }
    const auto path = target.get_ref<const std::string&>().substr(1);
    if (const auto found = referenced_.find(path); found != referenced_.end()) return found->second;
    const Json* found = nullptr;
    try {
        found = &root_.at(Json::json_pointer(path));
    } catch (const Json::exception&) {
        return refused(at, fmt::format("has a '$ref' to '#{}', which does not exist", path));
    }
    // Recorded before its body, which may refer to it.
    const auto name = fmt::format("r{}", ++rule_count_);
    referenced_[path] = name;
    TRY(const auto body, expression(*found, path, depth + 1));
    rules_ += fmt::format("{} ::= {}\n", name, body);
    return name;
}

Converter::Expression Converter::one_of(const Json& values, const Json& schema,
                                        std::string_view word, const std::string& at) {
    auto bare = schema;
    bare.erase("type");  // The values already imply it.
    TRY_STATUS(only(bare, word, at));
    if (!values.is_array() || values.empty()) return refused(at, "needs values in its 'enum'");
    std::vector<std::string> literals;
    for (const auto& value : values) literals.push_back(literal(value.dump()));
    return alternatives(literals);
}

Converter::Expression Converter::any_of(const Json& schemas, const std::string& at, int depth) {
    if (!schemas.is_array() || schemas.empty()) return refused(at, "must have a list of schemas");
    std::vector<std::string> expressions;
    for (std::size_t i = 0; i < schemas.size(); ++i) {
        TRY(auto each, expression(schemas[i], fmt::format("{}/{}", at, i), depth + 1));
        expressions.push_back(std::move(each));
    }
    return alternatives(expressions);
}

Converter::Expression Converter::of_type(const Json& schema, std::string_view type,
                                         const std::string& at, int depth) {
    if (type == "object") return object(schema, at, depth);
    if (type == "array") return array(schema, at, depth);
    if (type == "string") return string(schema, at);
    const bool known =
        type == "value" ||
        std::any_of(kTypes.begin(), kTypes.end(), [&](const Type& t) { return t.name == type; });
    if (!known) return refused(at, fmt::format("has the unknown type '{}'", type));
    return std::string(type);
}

Result<std::pair<int, int>> Converter::counts(const Json& schema, const char* least,
                                              const char* most, const std::string& at) {
    std::pair<int, int> counts{0, -1};
    for (const auto& [word, count] : {std::pair{least, &counts.first}, {most, &counts.second}}) {
        const auto value = schema.find(word);
        if (value == schema.end()) continue;
        if (!value->is_number_integer() || *value < 0 || *value > kSchemaRepetitionMax) {
            return refused(at, fmt::format("has a '{}' that is not an integer from 0 to {}", word,
                                           kSchemaRepetitionMax));
        }
        *count = value->get<int>();
    }
    if (counts.second >= 0 && counts.second < counts.first) {
        return refused(at, fmt::format("has a '{}' below its '{}'", most, least));
    }
    return counts;
}

std::string repetition(int least, int most) {
    return most < 0 ? fmt::format("{{{},}}", least) : fmt::format("{{{},{}}}", least, most);
}

Converter::Expression Converter::string(const Json& schema, const std::string& at) {
    TRY(const auto length, counts(schema, "minLength", "maxLength", at));
    const auto [least, most] = length;
    const bool bounded = least > 0 || most >= 0;
    if (const auto format = schema.find("format"); format != schema.end()) {
        for (const auto& [name, expression] : kFormats) {
            if (*format == name && !bounded) return std::string(expression);
        }
        return refused(at, fmt::format("has a string of the format {}{}, which is not supported",
                                       format->dump(), bounded ? " with a length" : ""));
    }
    if (!bounded) return "string";
    return fmt::format(R"("\"" char{} "\"")", repetition(least, most));
}

Converter::Expression Converter::array(const Json& schema, const std::string& at, int depth) {
    TRY(const auto length, counts(schema, "minItems", "maxItems", at));
    const auto [least, most] = length;
    if (most == 0) return R"("[" ws "]")";
    TRY(const auto item, expression(schema.value("items", Json(true)), at + "/items", depth + 1));
    const auto name = add_rule(item);
    const auto more = add_rule(fmt::format(R"("," ws {})", name));
    const auto items = fmt::format("{} {}{}", name, more,
                                   repetition(std::max(0, least - 1), most < 0 ? -1 : most - 1));
    return fmt::format(R"("[" ws {} ws "]")", least > 0 ? items : fmt::format("({})?", items));
}

// Properties come in their order; each optional one may be absent. There is one rule for what may
// follow each property, and one alternative for each property that can be the first.
Converter::Expression Converter::object(const Json& schema, const std::string& at, int depth) {
    const auto properties = schema.value("properties", Json::object());
    const auto others = schema.value("additionalProperties", Json(true));
    const auto required = schema.value("required", Json::array());
    if (!properties.is_object() || !required.is_array()) {
        return refused(at, "needs an object 'properties' and a list 'required'");
    }
    for (const auto& name : required) {
        if (name.is_string() && properties.contains(name.get<std::string>())) continue;
        return refused(
            at, fmt::format("requires {}, which is not one of its 'properties'", name.dump()));
    }
    if (properties.empty()) {
        if (others == true) return "object";
        if (others == false) return R"("{" ws "}")";
        TRY(const auto other, expression(others, at + "/additionalProperties", depth + 1));
        const auto pair = add_rule(fmt::format(R"(string ":" ws {})", other));
        return fmt::format(R"GBNF("{{" ws ({0} ("," ws {0})*)? ws "}}")GBNF", pair);
    }
    if (!others.is_boolean()) {
        return refused(at,
                       "has a schema as 'additionalProperties' beside 'properties', which is "
                       "not supported");
    }
    std::vector<std::pair<std::string, bool>> pairs;  // The rule, and whether it is required.
    for (const auto& [key, value] : properties.items()) {
        TRY(const auto body,
            expression(value, fmt::format("{}/properties/{}", at, key), depth + 1));
        const bool needed = std::find(required.begin(), required.end(), key) != required.end();
        pairs.emplace_back(
            add_rule(fmt::format(R"({} ":" ws {})", literal(Json(key).dump()), body)), needed);
    }
    std::vector<std::string> rest(pairs.size() + 1);  // What may follow the previous property.
    for (auto i = pairs.size(); i-- > 1;) {
        const auto& [pair, needed] = pairs[i];
        const auto next = fmt::format(R"("," ws {})", pair);
        rest[i] = add_rule(fmt::format("{} {}", needed ? next : "(" + next + ")?", rest[i + 1]));
    }
    std::vector<std::string> firsts;
    bool may_be_empty = true;
    for (std::size_t i = 0; i < pairs.size() && may_be_empty; ++i) {
        firsts.push_back(fmt::format("{} {}", pairs[i].first, rest[i + 1]));
        may_be_empty = !pairs[i].second;
    }
    return fmt::format(R"("{{" ws {}{} ws "}}")", alternatives(firsts), may_be_empty ? "?" : "");
}

}  // namespace

Result<std::string> grammar_of_schema(const nlohmann::ordered_json& schema) {
    return Converter(schema).grammar();
}

}  // namespace millrace::backends::llama
