// Wakes a thread that waits for several queues of librdkafka at once. Internal to the module.
//
// Threads:   ring() from any thread; wait() from one caller at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/base/clock.h"

namespace millrace::broker {

class Doorbell {
 public:
    void ring() {
        {
            const std::lock_guard lock(mutex_);
            rung_ = true;
        }
        rings_.notify_one();
    }

    // Returns false if nobody rings before the deadline. A ring before the call counts.
    bool wait(MonoTime deadline) {
        std::unique_lock lock(mutex_);
        rings_.wait_until(lock, deadline, [this] { return rung_; });
        return std::exchange(rung_, false);
    }

 private:
    std::mutex mutex_;
    std::condition_variable rings_;
    bool rung_ = false;  // Guarded by mutex_.
};

}  // namespace millrace::broker
