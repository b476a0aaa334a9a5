#include "tests/support/manual_clock.h"

#include "common/base/check.h"

namespace millrace::test {

ManualClock::ManualClock()
    : now_(std::chrono::hours(1)),
      wall_(std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1)) {}

MonoTime ManualClock::now() const {
    const std::lock_guard lock(mutex_);
    return now_;
}

WallTime ManualClock::wall() const {
    const std::lock_guard lock(mutex_);
    return wall_;
}

void ManualClock::advance(std::chrono::microseconds by) {
    CHECK(by.count() >= 0);
    const std::lock_guard lock(mutex_);
    now_ += by;
    wall_ += by;
}

void ManualClock::step_wall(std::chrono::microseconds by) {
    const std::lock_guard lock(mutex_);
    wall_ += by;
}

}  // namespace millrace::test
