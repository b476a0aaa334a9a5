// The keepers' hints about how long jobs have waited in the lanes, which spare an idle worker from
// asking the store whether there is something to steal.
//
// Only recent hints count, by PostgreSQL's clock. If messages are lost or late, or come from a
// keeper that stands still, there are none, and the worker asks the store itself.
//
// Threads:   thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/wire/messages.h"
#include "worker/schedule/candidate.h"

namespace millrace::consume {

class LaneHints {
 public:
    // Ignores hints that are sent less often than every `interval_max`.
    LaneHints(std::vector<schedule::LaneInfo> lanes, milliseconds interval_max)
        : lanes_(std::move(lanes)), interval_max_(interval_max), hints_(lanes_.size()) {}

    void take(const wire::LaneHints& hints);

    // The longest time that a job of the lane for one of the models had been queued when it was
    // measured, zero if none was; nothing if that was too long ago. `database_time`: now, by
    // PostgreSQL's clock.
    std::optional<milliseconds> oldest(schedule::LaneIndex lane,
                                       std::span<const std::string> models,
                                       milliseconds database_time) const;

 private:
    const std::vector<schedule::LaneInfo> lanes_;
    const milliseconds interval_max_;

    mutable Mutex mutex_;
    std::vector<std::vector<wire::LaneHints::Lane>> hints_ GUARDED_BY(mutex_);  // By lane.
    bool is_complete_ GUARDED_BY(mutex_) = false;
    milliseconds measured_at_ GUARDED_BY(mutex_){0};
    milliseconds interval_ GUARDED_BY(mutex_){0};
};

}  // namespace millrace::consume
