// Maps failures of a child process to outcomes of the jobs that lose an attempt by them. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "common/process/child_process.h"

namespace millrace::backends::process {

Outcome process_died(const millrace::process::ExitStatus& status);
// `what` describes what it sent: "a frame of …".
Outcome invalid_message(std::string_view what);
Outcome process_not_ready(milliseconds timeout);
Outcome process_hung(milliseconds grace);
Outcome process_too_large(std::size_t bytes, std::size_t bytes_max);
// Does not count as a failure of the job.
Outcome process_unavailable(milliseconds retry_after);

}  // namespace millrace::backends::process
