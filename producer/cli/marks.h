// Marks words that the parser would change: it splits "[a,b]", drops "++" and reads "{}" as
// nothing. Such a word begins with this byte while it passes through the parser; no argument typed
// at a terminal does.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

inline constexpr char kMark = '\x01';

inline bool needs_mark(std::string_view word) {
    return word == "++" || word.starts_with('[') || word.starts_with('{') || word.starts_with('%');
}

inline std::string unmarked(const std::string& value) {
    return value.starts_with(kMark) ? value.substr(1) : value;
}

}  // namespace millrace::cli
