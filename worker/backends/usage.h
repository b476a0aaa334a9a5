// How many tokens an answer cost, as servers and programs say it: the "usage" of OpenAI's API.
// Pure.
#pragma once

#include <string_view>

#include "common/job/outcome.h"

namespace millrace::worker {

// Of the JSON value of "usage". Counts that are no whole numbers from 0 are none; the third of
// prompt, completion and total follows from the other two. Where all are zero, nobody has counted:
// servers without a tokenizer say so, and no prompt has no token.
Usage parse_usage(std::string_view json);

}  // namespace millrace::worker
