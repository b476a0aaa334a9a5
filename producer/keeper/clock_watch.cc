#include "producer/keeper/clock_watch.h"

#include <mutex>
#include <utility>

namespace millrace::keeper {

std::optional<milliseconds> ClockWatch::observe(milliseconds database_time, MonoTime now) {
    const auto distance =
        database_time - std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
    const MutexLock lock(mutex_);
    seen_at_ = now;
    const auto before = std::exchange(distance_, distance);
    if (!before || std::chrono::abs(distance - *before) <= step_max_) return std::nullopt;
    stepped_at_ = now;
    return distance - *before;
}

bool ClockWatch::is_right(MonoTime now, milliseconds seen_within, milliseconds steady_for) const {
    const MutexLock lock(mutex_);
    if (!seen_at_ || now - *seen_at_ > seen_within) return false;
    return !stepped_at_ || now - *stepped_at_ >= steady_for;
}

}  // namespace millrace::keeper
