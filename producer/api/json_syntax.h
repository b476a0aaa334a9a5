// Is this text one JSON value (RFC 8259) that we can pass on and store?
//
// Stricter than the grammar where something downstream would choke: nesting is bounded before
// anything is built, text must be valid UTF-8, surrogates must come in pairs, U+0000 is refused
// (PostgreSQL cannot hold it), and numbers must fit a double.
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::api {

struct JsonFault {
    std::size_t offset = 0;  // Of the byte that is wrong.
    bool too_deep = false;
    std::string what;  // "expected a comma or a closing brace"
};

// Nothing where the text is fine. Recursion is at most `depth_max` deep.
std::optional<JsonFault> check_json(std::string_view text, int depth_max);

// "line 2, column 5", for people; columns count bytes.
std::string position_text(std::string_view text, std::size_t offset);

// The characters (code points) of valid UTF-8.
std::size_t utf8_length(std::string_view text);

}  // namespace millrace::api
