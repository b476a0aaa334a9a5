// The two halves of `millrace submit`.
#pragma once

#include <string>

#include "producer/cli/commands.h"

namespace millrace::cli {

// Many jobs, from --jsonl; the options have been checked. Returns the exit code.
int submit_lines(const GlobalOptions& global, const SubmitOptions& options);

// An Idempotency-Key that nobody else has: a submission whose answer is lost can be sent again.
std::string random_key();

}  // namespace millrace::cli
