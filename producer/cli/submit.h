// The two halves of `millrace submit`.
#pragma once

#include <string>

#include "producer/cli/commands.h"

namespace millrace::cli {

// Submits many jobs, from --jsonl; the options are already checked. Returns the exit code.
int submit_lines(const GlobalOptions& global, const SubmitOptions& options);

// A unique Idempotency-Key, so that a submission whose answer is lost can be sent again.
std::string random_key();

}  // namespace millrace::cli
