// A process that is not our child, held so that actions on it never hit another process that has
// taken over its id.
//
// Threads: one caller at a time.
// Blocks:  wait_until_gone, up to its timeout.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "common/base/result.h"
#include "common/process/fd.h"

namespace millrace::process {

class ForeignProcess {
 public:
    // Returns nothing if no process has this id.
    static std::optional<ForeignProcess> find(pid_t pid);

    pid_t pid() const { return pid_; }
    // Errors: kNotFound if it is gone; kInvalidArgument otherwise, with the system's reason.
    Status send(int signal) const;
    // True once it is gone.
    bool wait_until_gone(std::chrono::milliseconds timeout) const;

 private:
    ForeignProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid_;
    Fd pidfd_;
};

}  // namespace millrace::process
