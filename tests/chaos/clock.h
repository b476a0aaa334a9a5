// A time of day that is wrong, and can be stepped, for the programs that are given it
// (wrong_clock.cc). It leaves their monotonic clock alone.
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

    // Of a program that is to go by it; it must not outlive the clock.
    std::map<std::string, std::string> environment() const;
    // Seen at once.
    void set_off(std::chrono::seconds off);

 private:
    std::filesystem::path library() const { return directory_.path() / "clock.so"; }
    std::filesystem::path offset() const { return directory_.path() / "offset"; }

    process::TemporaryDirectory directory_;  // Also PostgreSQL's user can read it.
};

}  // namespace millrace::chaos
