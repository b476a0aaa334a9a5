#include "worker/backends/bounded_json.h"

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

template nlohmann::json parse_bounded<nlohmann::json>(std::string_view text);

nlohmann::json parse_mended(std::string_view text, json_text::NotANumber not_a_number) {
    const auto mended =
        json_text::mend(text, {.depth_max = kAnswerDepthMax, .not_a_number = not_a_number});
    if (!mended.has_value()) return nullptr;
    return nlohmann::json::parse(*mended, nullptr, /*allow_exceptions=*/false);
}

}  // namespace millrace::backends
