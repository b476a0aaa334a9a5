// Checks the settings of the programs that `millrace up` will run before any of them starts: each
// program is run with --check-config.
//
// Threads: one caller at a time. Blocks: while the programs check.
#pragma once

#include <stop_token>

#include "common/base/result.h"
#include "producer/cli/up/plan.h"

namespace millrace::cli::up {

// Errors: kInvalidArgument with the program's message; kNotFound if it is not installed;
//         kCancelled.
Status check_programs(const Plan& plan, const std::stop_token& stop);

}  // namespace millrace::cli::up
