// JSON numbers as text.
//
// Pure.
#pragma once

#include <string_view>

namespace millrace::json_text {

// Whether readers that know only doubles can take the number, that is, whether it rounds to a
// finite double. Numbers too close to zero are read as zero everywhere.
// Requires: a number by JSON's grammar (RFC 8259).
bool fits_double(std::string_view number);

}  // namespace millrace::json_text
