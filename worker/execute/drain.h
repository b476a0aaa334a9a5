// Ends a worker in good order: running jobs may finish for a while, the rest is handed back, and
// the drain is over when every outcome has been written.
//
// Threads:   hurry() and end_within() from any thread; step() has one caller at a time.
// Blocks:    never.
#pragma once

#include <atomic>
#include <optional>

#include "common/base/clock.h"
#include "worker/execute/executor.h"

namespace millrace::execute {

struct DrainOptions {
    milliseconds timeout{30000};            // For running jobs to finish.
    milliseconds hand_back_timeout{10000};  // For the other jobs to stop and be written.
};

class Drain {
 public:
    // Claiming must have been stopped before.
    Drain(Executor& executor, const Clock& clock, DrainOptions options)
        : executor_(executor),
          clock_(clock),
          options_(options),
          deadline_(clock.now() + options.timeout) {}

    // Shortens the time that running jobs have to finish, counted from now; never extends it.
    void end_within(milliseconds timeout) {
        if (const auto end = clock_.now() + timeout; end < deadline_.load()) deadline_ = end;
    }
    // Hands back the running jobs at the next step.
    void hurry() { hurry_ = true; }

    // Returns true when the drain is over: no job is held, or the store did not accept the rest in
    // time and the lease has to lapse instead.
    bool step();

 private:
    Executor& executor_;
    const Clock& clock_;
    const DrainOptions options_;
    std::atomic<MonoTime> deadline_;
    std::atomic<bool> hurry_ = false;
    std::optional<MonoTime> handed_back_at_;
};

}  // namespace millrace::execute
