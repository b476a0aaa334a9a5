// Whether a text is a grammar in GBNF, the notation of llama.cpp. The library would only say that
// something is wrong, and print the whole grammar to the worker's log.
//
//   root ::= "yes" | "no" reason?        # a comment
//   reason ::= " because " [a-z ]{1,80}
//
// Errors:    kInvalidArgument; the message names the line.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/result.h"

namespace millrace::worker {

constexpr std::size_t kGrammarBytesMax = 256 << 10;

// Syntax, that every rule that is named is there, "root" among them, and bounds on length, depth
// and repetitions. What only the library finds out, such as left recursion, is left to it.
Status check_gbnf(std::string_view grammar);

}  // namespace millrace::worker
