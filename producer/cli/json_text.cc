#include "producer/cli/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/json/json_syntax.h"

namespace millrace::cli {
namespace {

using Json = nlohmann::json;

// The largest value of gateway.json_depth_max: each gateway decides by its own.
constexpr int kDepthMax = 1000;

// Splits the text between the outer brackets at its commas.
std::vector<std::string_view> pieces(std::string_view text) {
    std::vector<std::string_view> found;
    text = trimmed(text);
    std::size_t from = 1;
    int depth = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\') ++at;
            if (c == '"') in_string = false;
            continue;
        }
        if (c == '"') in_string = true;
        if (c == '{' || c == '[') ++depth;
        const bool ends = c == '}' || c == ']';
        if ((c == ',' && depth == 1) || (ends && depth == 1)) {
            const auto piece = trimmed(text.substr(from, at - from));
            if (!piece.empty()) found.push_back(piece);
            from = at + 1;
        }
        if (ends) --depth;
    }
    return found;
}

// The size of the string at the front of the text, including its quotes.
std::size_t string_size(std::string_view text) {
    std::size_t at = 1;
    while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at + 1;
}

bool is_object(std::string_view text) {
    return trimmed(text).starts_with('{');
}

}  // namespace

Json parse_json(std::string_view text) {
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string object_fault(std::string_view text, std::string_view part) {
    const auto first = static_cast<std::size_t>(part.data() - text.data());
    const auto fault = json_text::check_json(part, kDepthMax);
    if (!fault && part.starts_with('{')) return "";
    return fmt::format("{}: {}",
                       json_text::position_text(text, first + (fault ? fault->offset : 0)),
                       fault ? fault->what : "expected a JSON object");
}

std::vector<JsonMember> json_members(std::string_view object) {
    std::vector<JsonMember> members;
    for (const auto piece : pieces(object)) {
        const auto size = string_size(piece);
        const auto colon = piece.find(':', size);
        members.push_back({parse_json(piece.substr(0, size)).get<std::string>(),
                           trimmed(piece.substr(colon + 1))});
    }
    return members;
}

std::vector<std::string_view> json_elements(std::string_view array) {
    return pieces(array);
}

std::string_view json_member(std::string_view object, std::string_view name) {
    if (is_object(object)) {
        for (const auto& member : json_members(object)) {
            if (member.name == name) return member.value;
        }
    }
    return "null";
}

std::string json_merged(std::string_view object, std::string_view defaults) {
    const auto missing_from = json_members(defaults);
    std::string merged = "{";
    const auto add = [&merged](std::string_view name, std::string_view value) {
        if (merged.size() > 1) merged += ',';
        merged += fmt::format("{}:{}", json_string(name), value);
    };
    std::vector<std::string> present;
    for (const auto& member : json_members(object)) {
        present.push_back(member.name);
        const auto other = std::ranges::find(missing_from, member.name, &JsonMember::name);
        if (other != missing_from.end() && is_object(member.value) && is_object(other->value)) {
            add(member.name, json_merged(member.value, other->value));
        } else {
            add(member.name, member.value);
        }
    }
    for (const auto& member : missing_from) {
        if (std::ranges::find(present, member.name) == present.end()) {
            add(member.name, member.value);
        }
    }
    return merged + '}';
}

std::string json_with(std::string_view object, std::string_view name, std::string_view value) {
    const auto rest = trimmed(object).substr(1);
    const auto comma = trimmed(rest).starts_with('}') ? "" : ",";
    return fmt::format("{{{}:{}{}{}", json_string(name), value, comma, rest);
}

std::string json_string(std::string_view utf8) {
    return Json(utf8).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string one_line(std::string_view json) {
    std::string line(json);
    std::ranges::replace_if(
        line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    while (line.ends_with(' ')) line.pop_back();
    return line;
}

}  // namespace millrace::cli
