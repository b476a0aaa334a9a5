// Checks whether a text is a grammar in GBNF, the notation of llama.cpp. The library would only
// report that something is wrong, and print the whole grammar to the worker's log.
//
//   root ::= "yes" | "no" reason?        # a comment
//   reason ::= " because " [a-z ]{1,80}
//
// Errors:    kInvalidArgument; the message names the line.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/result.h"

namespace millrace::backends::llama {

constexpr std::size_t kGrammarBytesMax = 256 << 10;

// Checks the syntax, that every rule that is used is defined, "root" among them, and the bounds on
// length, depth and repetitions. Errors such as left recursion are left to the library.
Status check_gbnf(std::string_view grammar);

}  // namespace millrace::backends::llama
