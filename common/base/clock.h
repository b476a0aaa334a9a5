// Time behind an interface, so that tests can control it. Monotonic time is for measuring; wall
// time is only a label.
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

    // For all durations, deadlines and leases.
    virtual MonoTime now() const = 0;
    // For labels that people read. May jump; never compare it with another machine's.
    virtual WallTime wall() const = 0;
};

// The machine's clock. Never destroyed.
const Clock& system_clock();

}  // namespace millrace
