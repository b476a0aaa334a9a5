// An estimate of PostgreSQL's clock, without a query: its distance from the local monotonic clock,
// as of the last reply that carried its time.
//
// Threads:   thread-safe.
#pragma once

#include <atomic>

#include "common/base/clock.h"
#include "common/storage/records.h"

namespace millrace::reads {

class DatabaseClock {
 public:
    explicit DatabaseClock(const Clock& clock) : clock_(clock) {}

    // `database_time` is the store's time at this moment; zero means none and is ignored.
    void update(milliseconds database_time) {
        if (database_time.count() == 0) return;
        distance_ = (database_time - since_start()).count();
    }

    // Returns the wall clock's time until the first update.
    storage::DbTime now() const {
        const auto distance = distance_.load();
        if (distance == 0) return clock_.wall();
        return storage::DbTime(since_start() + milliseconds(distance));
    }

 private:
    milliseconds since_start() const {
        return std::chrono::duration_cast<milliseconds>(clock_.now().time_since_epoch());
    }

    const Clock& clock_;
    std::atomic<std::int64_t> distance_ = 0;
};

}  // namespace millrace::reads
