// JSON that others wrote, made fit to be stored and read by anybody. Servers and programs write
// what json.dumps lets through: halves of surrogate pairs, NaN, bytes that are no UTF-8.
//
// Everything else stays as it came: the order of members, members that are there twice, the digits
// of numbers, white space, and U+0000 where it is escaped.
//
// Pure.
// Threads:   recursion is at most depth_max deep.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace millrace::json_text {

// NaN, Infinity and -Infinity, which JSON has no words for.
enum class NotANumber {
    kRefuse,
    kQuote,  // They become strings: "NaN", …
};

struct MendOptions {
    int depth_max = 500;
    NotANumber not_a_number = NotANumber::kRefuse;
};

// One JSON value (RFC 8259) for what is one but for its text: what is no text in its strings
// becomes U+FFFD (common/base/text.h), a bare control character is escaped, and a byte order mark
// in front is left out.
// Errors: kInvalidArgument, saying where and what: ".scores[3] is NaN, …". Also for a number that
// fits no double: half of all readers refuse it or read infinity.
Result<std::string> mend(std::string_view text, const MendOptions& options = {});

struct Member {
    std::string name;
    std::string_view value;  // As it came, without the space around it.
};

// The members of the object that the text is, in their order, found by quotes and brackets alone;
// each value has yet to be mended. What follows a value that does not end is part of it. Empty
// where the text is no object.
std::vector<Member> members(std::string_view text);

// The value of the last member of that name, as most readers have it; empty where there is none.
std::string_view find(const std::vector<Member>& members, std::string_view name);

}  // namespace millrace::json_text
