// Numbers of JSON as text.
//
// Threads: pure.
#pragma once

#include <string_view>

namespace millrace::json_text {

// Whether readers that know only doubles can take the number: rounded to one it is not infinite.
// What is next to zero is read as zero everywhere.
// Requires: a number by JSON's grammar (RFC 8259).
bool fits_double(std::string_view number);

}  // namespace millrace::json_text
