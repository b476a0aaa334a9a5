// A Millrace program as a child of `millrace up`. Its settings go through the environment, so that
// no secret appears in a list of processes. Its log goes to a file, whose lines say why it ended.
//
// Threads: one caller at a time.
// Owns:    the process.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/process/child_process.h"
#include "producer/cli/up/program_log.h"

namespace millrace::cli::up {

class ProgramService {
 public:
    ProgramService(std::string program, std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment, std::filesystem::path log)
        : program_(std::move(program)),
          arguments_(std::move(arguments)),
          environment_(std::move(environment)),
          log_(std::move(log)) {}

    // Launches the program, also again after it ended. kNotFound: it is not installed.
    Status start();
    bool running();
    pid_t pid() const { return child_ ? child_->pid() : 0; }
    MonoTime started_at() const { return started_at_; }
    std::string how_it_ended();
    void send(int signal) const;
    void kill();
    // The lines written since the last call, without the unimportant ones.
    std::vector<LogLine> news();

 private:
    std::string program_;
    std::vector<std::string> arguments_;
    std::map<std::string, std::string> environment_;
    ProgramLog log_;
    MonoTime started_at_;
    std::unique_ptr<process::ChildProcess> child_;
};

}  // namespace millrace::cli::up
