// Time as an interface, so that a test can own it. Monotonic time measures; wall time only labels.
//
// Threads: thread-safe.
#pragma once

#include <chrono>

namespace millrace {

using std::chrono::milliseconds;
using MonoTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
 public:
    virtual ~Clock() = default;

    // For every duration, deadline and lease.
    virtual MonoTime now() const = 0;
    // For labels that people read. May jump; never compared with another machine's.
    virtual WallTime wall() const = 0;
};

// The machine's clock. Lives for ever.
const Clock& system_clock();

}  // namespace millrace
