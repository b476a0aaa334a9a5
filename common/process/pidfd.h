// A descriptor of a process, which stands for it alone, whatever becomes of its id. Internal to the
// module.
//
// Threads: thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "common/process/fd.h"

namespace millrace::process {

// Not valid, with errno set, where there is no such process.
Fd open_pidfd(pid_t pid);
// False, with errno set, where it was not sent.
bool send_signal(const Fd& pidfd, int signal);
// Whether the process ends within the timeout. Blocks for it.
bool wait_for_end(const Fd& pidfd, std::chrono::milliseconds timeout);

}  // namespace millrace::process
