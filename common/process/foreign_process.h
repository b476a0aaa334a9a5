// A process that is no child of ours, held so that what is done to it never reaches another one to
// which its id has gone meanwhile.
//
// Threads: one caller at a time.
// Blocks:  wait_until_gone, as long as told.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "common/base/result.h"
#include "common/process/fd.h"

namespace millrace::process {

class ForeignProcess {
 public:
    // Nothing where no process has this id.
    static std::optional<ForeignProcess> find(pid_t pid);

    pid_t pid() const { return pid_; }
    // Errors: kNotFound, it is gone; kInvalidArgument, with the system's reason.
    Status send(int signal) const;
    // True when it is gone.
    bool wait_until_gone(std::chrono::milliseconds timeout) const;

 private:
    ForeignProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid_;
    Fd pidfd_;
};

}  // namespace millrace::process
