// Helpers that the readers of JSON text share. Internal to the module.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace millrace::json_text {

inline constexpr std::string_view kSpace = " \t\r\n";

// The first position from `at` on that is not space, or the end of the text.
inline std::size_t skip_space(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(kSpace, at), text.size());
}

// Whether the character is ASCII that stands for itself inside a string.
inline bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace millrace::json_text
