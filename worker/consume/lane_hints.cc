#include "worker/consume/lane_hints.h"

#include <algorithm>

namespace millrace::consume {

void LaneHints::take(const wire::LaneHints& hints) {
    const MutexLock lock(mutex_);
    // Several keepers send hints, and messages may overtake each other.
    if (hints.measured_at <= measured_at_ || hints.interval > interval_max_) return;
    measured_at_ = hints.measured_at;
    interval_ = hints.interval;
    for (schedule::LaneIndex lane = 0; lane < lanes_.size(); ++lane) {
        const auto found = std::ranges::find_if(hints.lanes, [&](const auto& hint) {
            return hint.priority == lanes_[lane].priority && hint.queue == lanes_[lane].queue;
        });
        oldest_[lane] = found == hints.lanes.end() ? std::nullopt : std::optional(found->oldest);
    }
}

std::optional<milliseconds> LaneHints::oldest(schedule::LaneIndex lane,
                                              milliseconds database_time) const {
    const MutexLock lock(mutex_);
    const auto age = database_time - measured_at_;
    // A measurement from the future means that the clock has stepped back since then.
    if (age < -interval_ || age > interval_ + interval_ / 2) return std::nullopt;
    return oldest_[lane];
}

}  // namespace millrace::consume
