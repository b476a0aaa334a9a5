// A clock that moves only when told.
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

    // Both times move on. Requires: by >= 0.
    void advance(std::chrono::microseconds by);
    // Only wall time moves, also backwards: somebody set the machine's clock.
    void step_wall(std::chrono::microseconds by);

 private:
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    MonoTime now_;
    WallTime wall_;
};

}  // namespace millrace::test
