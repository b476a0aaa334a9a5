// Wrong clocks, by Debian's libfaketime: it tells a program another time of day, and leaves the
// monotonic clock alone.
//
// Threads: one caller at a time.
// Errors:  a library that is missing throws std::runtime_error with what to install.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "common/process/temporary_directory.h"

namespace millrace::chaos {

// The environment of a program whose clock is always off by this.
std::map<std::string, std::string> wrong_clock(std::chrono::seconds off);

// A clock that can be stepped while a program of PostgreSQL's user goes by it.
class SteppedClock {
 public:
    SteppedClock();  // Right.

    std::map<std::string, std::string> environment() const;
    // Seen within a second.
    void set_off(std::chrono::seconds off);

 private:
    process::TemporaryDirectory directory_;
};

}  // namespace millrace::chaos
