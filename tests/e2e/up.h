// Helpers for the tests of `millrace up`.
#pragma once

#include <string>
#include <vector>

#include "common/process/temporary_directory.h"
#include "tests/e2e/command.h"

namespace millrace::test {

// Returns a directory that PostgreSQL's own user can enter.
process::TemporaryDirectory make_up_directory();

// Waits until it is up; returns the URL of its gateway.
std::string url_of(RunningCommand& up);

// Stops it as Ctrl-C does.
CommandResult interrupt(RunningCommand& up);

// Returns the process id of the child of `up` that runs `program`.
pid_t child_of(pid_t parent, const std::string& program);

// Returns the ids of all processes whose command line or environment contains the text.
std::vector<pid_t> processes_with(const std::string& text);

// Sets an environment variable of this process and its children while the object lives.
class Variable {
 public:
    Variable(std::string name, const std::string& value);
    ~Variable();
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

 private:
    std::string name_;
    std::string before_;
    bool was_set_;
};

// The PYTHONPATH for programs that run jobs.
std::string python_path();

}  // namespace millrace::test
