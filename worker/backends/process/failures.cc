#include "worker/backends/process/failures.h"

#include <fmt/format.h>

#include <csignal>

#include "worker/backends/outcomes.h"

namespace millrace::backends::process {

Outcome process_died(const millrace::process::ExitStatus& status) {
    const auto* hint = status.signal == SIGKILL
                           ? "; the kernel sends this signal when the machine's memory runs out"
                           : "";
    return failed_outcome(
        OutcomeKind::kRetryable, "process_died",
        fmt::format("the process ended with {} while it ran the job{}", status.str(), hint));
}

Outcome invalid_message(std::string_view what) {
    return failed_outcome(OutcomeKind::kRetryable, "invalid_message",
                          fmt::format("the process broke the protocol: it sent {}", what));
}

Outcome process_not_ready(milliseconds timeout) {
    return failed_outcome(
        OutcomeKind::kRetryable, "process_not_ready",
        fmt::format("it was not ready after {} ms (backend.process.start_timeout)",
                    timeout.count()));
}

Outcome process_hung(milliseconds grace) {
    return failed_outcome(
        OutcomeKind::kRetryable, "process_hung",
        fmt::format("it did not end cancelled items within {} ms (backend.process.grace)",
                    grace.count()));
}

Outcome process_too_large(std::size_t bytes, std::size_t bytes_max) {
    return failed_outcome(
        OutcomeKind::kRetryable, "process_memory",
        fmt::format("the process took {} MiB of memory, more than the {} MiB that "
                    "backend.process.memory_max allows",
                    bytes >> 20, bytes_max >> 20));
}

Outcome process_unavailable(milliseconds retry_after) {
    auto outcome =
        failed_outcome(OutcomeKind::kRateLimited, "process_unavailable",
                       "the worker's process is not running; the worker's log says why it ended");
    outcome.retry_after = retry_after;
    return outcome;
}

}  // namespace millrace::backends::process
