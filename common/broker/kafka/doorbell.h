// Wakes a thread that waits for several queues of librdkafka at once. Internal to the module.
//
// Threads:   ring() from any thread; wait() from one caller at a time.
#pragma once

#include <utility>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace millrace::broker::kafka {

class Doorbell {
 public:
    void ring() {
        {
            const MutexLock lock(mutex_);
            rung_ = true;
        }
        rings_.notify_one();
    }

    // Returns false if nobody rings before the deadline. A ring before the call counts.
    bool wait(MonoTime deadline) {
        MutexLock lock(mutex_);
        rings_.wait_until(lock, deadline, [this]() REQUIRES(mutex_) { return rung_; });
        return std::exchange(rung_, false);
    }

 private:
    Mutex mutex_;
    Condition rings_;
    bool rung_ GUARDED_BY(mutex_) = false;
};

}  // namespace millrace::broker::kafka
