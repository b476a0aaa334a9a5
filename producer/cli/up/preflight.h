// What the programs that `millrace up` is going to run have against their settings, known before
// any of them is started: each is asked by its --check-config.
//
// Threads: one caller at a time. Blocks: while they look.
#pragma once

#include <stop_token>

#include "common/base/result.h"
#include "producer/cli/up/plan.h"

namespace millrace::cli {

// Errors: kInvalidArgument, with what the program says; kNotFound, it is not installed; kCancelled.
Status check_programs(const Plan& plan, const std::stop_token& stop);

}  // namespace millrace::cli
