// What the keepers say about the lanes' ages, so that an idle worker need not ask the store whether
// there is something to steal.
//
// Only hints of late count, by PostgreSQL's clock: while messages are lost, late or from a keeper
// that stands still, there are none, and the worker looks for itself.
//
// Threads:   thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "common/wire/messages.h"
#include "worker/schedule/candidate.h"

namespace millrace::worker {

class LaneHints {
 public:
    // Hints that come less often than every `interval_max` are not listened to.
    LaneHints(std::vector<LaneInfo> lanes, milliseconds interval_max)
        : lanes_(std::move(lanes)), interval_max_(interval_max), oldest_(lanes_.size()) {}

    void take(const wire::LaneHints& hints);

    // No job of the lane had been queued for longer when that was measured; nothing where it was
    // too long ago. `database_time`: now, by PostgreSQL's clock.
    std::optional<milliseconds> oldest(LaneIndex lane, milliseconds database_time) const;

 private:
    const std::vector<LaneInfo> lanes_;
    const milliseconds interval_max_;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::vector<std::optional<milliseconds>> oldest_;  // By lane.
    milliseconds measured_at_{0};
    milliseconds interval_{0};
};

}  // namespace millrace::worker
