// fork and execve, kept apart because only async-signal-safe calls are allowed between the two.
// Internal to the module.
//
// Threads: thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/program.h"

namespace millrace::process {

// Everything that the forked process needs, prepared before the fork.
struct SpawnPlan {
    std::string program;  // A path.
    std::vector<std::string> argv;
    std::vector<std::string> env;  // "NAME=value"
    std::string directory;         // Empty: unchanged.
    std::optional<User> user;
    std::vector<int> processors;  // Those it may run on; empty: unchanged.
    int stdin_fd;
    int output_fd;   // Standard output and error; -1: inherited.
    int channel_fd;  // Becomes descriptor 3; -1: none.
    int death_signal;
};

// Returns the process id once execve has succeeded. Errors: kUnavailable, naming the step that
// failed.
Result<pid_t> spawn(const SpawnPlan& plan);

}  // namespace millrace::process
