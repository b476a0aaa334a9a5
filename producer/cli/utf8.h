// Text as the command line takes and shows it: UTF-8 or refused, and so many columns wide.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::cli {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Code points: continuation bytes take no column.
std::size_t columns(std::string_view text);

// At most `most` columns; an ellipsis tells that something is missing.
std::string shortened(std::string_view text, std::size_t most);

}  // namespace millrace::cli
