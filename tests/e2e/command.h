// The `millrace` command as a user runs it: to its end, or in the background.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/process/child_process.h"

namespace millrace::test {

struct CommandResult {
    int exit_code = 0;
    std::string output;  // Standard output and error, line by line.
};

// A command that runs; its output so far can be read at any time.
class RunningCommand {
 public:
    explicit RunningCommand(std::vector<std::string> arguments);

    process::ChildProcess& process() { return *child_; }
    std::string output() const;
    // Waits until a line contains the text and returns that line; throws when none does.
    std::string wait_for_line(const std::string& text);
    CommandResult wait(std::chrono::milliseconds timeout = std::chrono::minutes(2));

 private:
    mutable std::mutex mutex_;
    std::string output_;  // Guarded by mutex_.
    std::unique_ptr<process::ChildProcess> child_;
};

CommandResult run_command(std::vector<std::string> arguments);

}  // namespace millrace::test
