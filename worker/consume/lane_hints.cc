#include "worker/consume/lane_hints.h"

#include <algorithm>
#include <iterator>

namespace millrace::consume {

void LaneHints::take(const wire::LaneHints& hints) {
    const MutexLock lock(mutex_);
    // Several keepers send hints, and messages may overtake each other.
    if (hints.measured_at <= measured_at_ || hints.interval > interval_max_) return;
    measured_at_ = hints.measured_at;
    interval_ = hints.interval;
    is_complete_ = hints.is_complete;
    for (schedule::LaneIndex lane = 0; lane < lanes_.size(); ++lane) {
        hints_[lane].clear();
        std::ranges::copy_if(hints.lanes, std::back_inserter(hints_[lane]), [&](const auto& hint) {
            return hint.priority == lanes_[lane].priority && hint.queue == lanes_[lane].queue;
        });
    }
}

std::optional<milliseconds> LaneHints::oldest(schedule::LaneIndex lane,
                                              std::span<const std::string> models,
                                              milliseconds database_time) const {
    const MutexLock lock(mutex_);
    const auto age = database_time - measured_at_;
    // A measurement from the future means that the clock has stepped back since then.
    if (age < -interval_ || age > interval_ + interval_ / 2) return std::nullopt;
    milliseconds oldest{0};
    for (const auto& model : models) {
        const auto hint = std::ranges::find_if(hints_[lane], [&](const auto& each) {
            return each.model.empty() || each.model == model;
        });
        if (hint != hints_[lane].end()) {
            oldest = std::max(oldest, hint->oldest);
        } else if (!is_complete_) {
            return std::nullopt;
        }
    }
    return oldest;
}

}  // namespace millrace::consume
