// Ended attempts on their way from the executor to the completion writer.
//
// Bounded by the slots: each attempt in here, or being written, still holds one.
//
// Threads:   EndedAttempts is thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/job/job.h"
#include "common/job/outcome.h"

namespace millrace::execute {

struct EndedAttempt {
    WorkerId worker;  // The incarnation that claimed it: part of the fence.
    Claim claim;
    JobTerms terms;
    Outcome outcome;
    std::uint32_t sequence = 0;  // Of the event that follows the attempt's output.
};

class EndedAttempts {
 public:
    // Called when the first attempt is added to an empty list. Set it before anything is added.
    void on_first(std::function<void()> callback) { on_first_ = std::move(callback); }

    void add(EndedAttempt attempt) {
        bool first = false;
        {
            const MutexLock lock(mutex_);
            first = attempts_.empty();
            attempts_.push_back(std::move(attempt));
        }
        if (first && on_first_) on_first_();
    }

    // Takes everything, oldest first.
    std::vector<EndedAttempt> take() {
        const MutexLock lock(mutex_);
        return std::exchange(attempts_, {});
    }

 private:
    std::function<void()> on_first_;

    Mutex mutex_;
    std::vector<EndedAttempt> attempts_ GUARDED_BY(mutex_);
};

}  // namespace millrace::execute
