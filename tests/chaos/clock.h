// A wrong time of day, which can be stepped, for the programs that get its environment
// (wrong_clock.cc). It does not affect their monotonic clock.
//
// Threads: one caller at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "common/process/temporary_directory.h"

namespace millrace::chaos {

class WrongClock {
 public:
    explicit WrongClock(std::chrono::seconds off = {});

    // For a program that uses this clock; the program must not outlive the clock.
    std::map<std::string, std::string> environment() const;
    // Takes effect at once.
    void set_off(std::chrono::seconds off);

 private:
    std::filesystem::path library() const { return directory_.path() / "clock.so"; }
    std::filesystem::path offset() const { return directory_.path() / "offset"; }

    process::TemporaryDirectory directory_;  // PostgreSQL's user can read it too.
};

}  // namespace millrace::chaos
