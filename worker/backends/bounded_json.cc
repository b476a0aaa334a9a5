#include "worker/backends/bounded_json.h"

#include <array>

namespace millrace::backends {

bool is_nested_deeper(std::string_view text, int depth_max) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') in_string = !in_string;
        if (in_string) {
            if (c == '\\') ++at;
        } else if (c == '[' || c == '{') {
            if (++depth > depth_max) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

nlohmann::json parse_bounded(std::string_view text) {
    if (is_nested_deeper(text, kAnswerDepthMax)) return nlohmann::json::value_t::discarded;
    return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

nlohmann::ordered_json parse_ordered(std::string_view text) {
    using Json = nlohmann::ordered_json;
    using Event = Json::parse_event_t;
    if (is_nested_deeper(text, kAnswerDepthMax)) return Json::value_t::discarded;
    std::array<std::size_t, kAnswerDepthMax + 1> members{};  // Of the open objects, by their depth.
    bool are_too_many = false;
    const auto count = [&](int depth, Event event, Json&) {
        const auto level = static_cast<std::size_t>(depth);
        if (event == Event::object_start) members.at(level) = 0;
        if (event == Event::key && ++members.at(level - 1) > kOrderedMembersMax) {
            are_too_many = true;
        }
        return !are_too_many;  // What is left out costs nothing.
    };
    auto json = Json::parse(text, count, /*allow_exceptions=*/false);
    return are_too_many ? Json(Json::value_t::discarded) : json;
}

nlohmann::json parse_mended(std::string_view text, json_text::NotANumber not_a_number) {
    const auto mended =
        json_text::mend(text, {.depth_max = kAnswerDepthMax, .not_a_number = not_a_number});
    if (!mended.has_value()) return nullptr;
    return nlohmann::json::parse(*mended, nullptr, /*allow_exceptions=*/false);
}

}  // namespace millrace::backends
