// Words that the parser would take apart: it splits "[a,b]", drops "++" and reads "{}" as nothing.
// Such a word is marked while it passes through it; no argument of a terminal begins with this
// byte.
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
