// Text as the command line takes and shows it: valid UTF-8 only, with its width in columns.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::cli {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Counts code points: continuation bytes take no column.
std::size_t columns(std::string_view text);

// Shortens the text to at most `most` columns; an ellipsis shows that something is missing.
std::string shortened(std::string_view text, std::size_t most);

}  // namespace millrace::cli
