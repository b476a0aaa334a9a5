// A descriptor that refers to one process only, even if its id is used again. Internal to the
// module.
//
// Threads: thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "common/process/fd.h"

namespace millrace::process {

// Returns an invalid descriptor, with errno set, if there is no such process.
Fd open_pidfd(pid_t pid);
// Returns false, with errno set, if the signal was not sent.
bool send_signal(const Fd& pidfd, int signal);
// Whether the process ends within the timeout. Blocks for it.
bool wait_for_end(const Fd& pidfd, std::chrono::milliseconds timeout);

}  // namespace millrace::process
