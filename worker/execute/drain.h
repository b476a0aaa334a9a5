// The end of a worker in good order: what runs may finish for a while, the rest is handed back, and
// it is over when every outcome has been written.
//
// Threads:   hurry() and end_within() from any thread; step() has one caller at a time.
// Blocks:    never.
#pragma once

#include <atomic>
#include <optional>

#include "common/base/clock.h"
#include "worker/execute/executor.h"

namespace millrace::worker {

struct DrainOptions {
    milliseconds timeout{30000};            // For running jobs to finish.
    milliseconds hand_back_timeout{10000};  // For the rest to stop and be written.
};

class Drain {
 public:
    // Claiming must have stopped.
    Drain(Executor& executor, const Clock& clock, DrainOptions options)
        : executor_(executor),
          clock_(clock),
          options_(options),
          deadline_(clock.now() + options.timeout) {}

    // What runs may finish for so long from now, where that is sooner than so far.
    void end_within(milliseconds timeout) {
        if (const auto end = clock_.now() + timeout; end < deadline_.load()) deadline_ = end;
    }
    // Hands back at the next step.
    void hurry() { hurry_ = true; }

    // True when it is over: nothing is held, or the store did not take it in time and the lease has
    // to lapse instead.
    bool step();

 private:
    Executor& executor_;
    const Clock& clock_;
    const DrainOptions options_;
    std::atomic<MonoTime> deadline_;
    std::atomic<bool> hurry_ = false;
    std::optional<MonoTime> handed_back_at_;
};

}  // namespace millrace::worker
