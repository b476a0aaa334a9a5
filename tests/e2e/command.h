// Runs the `millrace` command as a user does: to its end, or in the background.
#pragma once

#include <map>
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

// A running command; its output up to now can be read at any time.
class RunningCommand {
 public:
    explicit RunningCommand(std::vector<std::string> arguments);
    // Runs any program; the object takes over its output.
    explicit RunningCommand(process::ChildOptions options);

    process::ChildProcess& process() { return *child_; }
    std::string output() const;
    // Waits until a line contains the text and returns that line; throws if no line does.
    std::string wait_for_line(const std::string& text);
    CommandResult wait(std::chrono::milliseconds timeout = std::chrono::minutes(2));

 private:
    mutable std::mutex mutex_;
    std::string output_;  // Guarded by mutex_.
    std::unique_ptr<process::ChildProcess> child_;
};

CommandResult run_command(std::vector<std::string> arguments);

// Runs a bash script with `millrace` on its PATH.
CommandResult run_script(const std::string& script,
                         std::map<std::string, std::string> environment = {});

}  // namespace millrace::test
