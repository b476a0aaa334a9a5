// Makes JSON from others fit to be stored and read by anybody. Servers and programs write things
// that json.dumps lets through: halves of surrogate pairs, NaN, bytes that are not UTF-8.
//
// Everything else stays as it came: the order of members, duplicate members, the digits of numbers,
// white space, and U+0000 where it is escaped.
//
// Pure. Recursion is at most depth_max deep.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace millrace::json_text {

// NaN, Infinity and -Infinity, which JSON cannot express.
enum class NotANumber {
    kRefuse,
    kQuote,  // They become strings: "NaN", …
};

struct MendOptions {
    int depth_max = 500;
    NotANumber not_a_number = NotANumber::kRefuse;
};

// Mends one JSON value (RFC 8259) whose text may be faulty. In its strings, bytes that are not
// UTF-8 and halves of surrogate pairs become U+FFFD (common/base/text.h), and bare control
// characters are escaped. A byte order mark in front is dropped.
// Errors: kInvalidArgument, saying where and what: ".scores[3] is NaN, …". Also for a number that
// does not fit a double: half of all readers refuse it, or read infinity.
Result<std::string> mend(std::string_view text, const MendOptions& options = {});

}  // namespace millrace::json_text
