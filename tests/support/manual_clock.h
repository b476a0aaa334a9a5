// A clock that only tests move.
//
// Threads: thread-safe.
#pragma once

#include <mutex>

#include "common/base/clock.h"

namespace millrace::test {

class ManualClock : public Clock {
 public:
    // Monotonic time starts at an arbitrary instant, wall time at 2026-01-01 00:00 UTC.
    ManualClock();

    MonoTime now() const override;
    WallTime wall() const override;

    // Moves both times forward. Requires: by >= 0.
    void advance(std::chrono::microseconds by);
    // Moves only wall time, also backwards, as if the machine's clock were set.
    void step_wall(std::chrono::microseconds by);

 private:
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    MonoTime now_;
    WallTime wall_;
};

}  // namespace millrace::test
