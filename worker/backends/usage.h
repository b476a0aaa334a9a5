// The number of tokens of an answer, as reported by servers and programs: the "usage" of OpenAI's
// API. Pure.
#pragma once

#include <string_view>

#include "common/job/outcome.h"

namespace millrace::backends {

// Parses the JSON value of "usage". A count that is not a whole number >= 0 is ignored. If two of
// prompt, completion and total are known, the third is computed. If all are zero, they count as
// unknown: servers without a tokenizer report zeros, and no prompt has zero tokens.
Usage parse_usage(std::string_view json);

}  // namespace millrace::backends
