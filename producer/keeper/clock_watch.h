// Whether the ages of rows, by PostgreSQL's clock, can be relied on: the clock was seen lately, and
// has not stepped for some time. One duty looks at the clock; others, on other threads, ask.
//
// Threads:   thread-safe.
// Blocks:    never.
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace millrace::keeper {

class ClockWatch {
 public:
    // A larger jump between PostgreSQL's clock and ours is a step.
    explicit ClockWatch(milliseconds step_max) : step_max_(step_max) {}

    // Takes PostgreSQL's time, as of now. Returns the size of the step, if there was one.
    std::optional<milliseconds> observe(milliseconds database_time, MonoTime now);

    // Whether the clock was seen within `seen_within`, and has not stepped for `steady_for`.
    bool is_right(MonoTime now, milliseconds seen_within, milliseconds steady_for) const;

 private:
    const milliseconds step_max_;

    mutable Mutex mutex_;
    std::optional<milliseconds> distance_ GUARDED_BY(mutex_);  // PostgreSQL's clock minus ours.
    std::optional<MonoTime> seen_at_ GUARDED_BY(mutex_);
    std::optional<MonoTime> stepped_at_ GUARDED_BY(mutex_);
};

}  // namespace millrace::keeper
