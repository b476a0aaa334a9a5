// What a child process does wrong, as the outcome of the jobs that it costs an attempt. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "common/process/child_process.h"

namespace millrace::worker {

Outcome process_died(const process::ExitStatus& status);
// `what` is said of what it sent: "a frame of …".
Outcome invalid_message(std::string_view what);
Outcome process_not_ready(milliseconds timeout);
Outcome process_hung(milliseconds grace);
Outcome process_too_large(std::size_t bytes, std::size_t bytes_max);
// Costs no attempt.
Outcome process_unavailable(milliseconds retry_after);

}  // namespace millrace::worker
