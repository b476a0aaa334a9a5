// Runs a function every interval on a thread of its own, and at once when poked.
//
// The interval counts from the end of one run to the start of the next: runs never overlap, and a
// slow one delays the next instead of piling up.
//
// Threads:   poke() from any thread; stop() and the destructor from one. The body runs on the
//            thread `name`.
// Blocks:    stop() and the destructor, until a run that is under way has returned.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/runtime/thread.h"

namespace millrace::runtime {

struct PeriodicOptions {
    std::string name;  // The thread's.
    milliseconds interval{1000};
    // Each wait is uniform in interval * [1 - jitter, 1 + jitter], so that many processes do not
    // run in step. In [0, 1].
    double jitter = 0;
    bool run_at_once = false;  // Whether the first run comes at the start or after one interval.
    // When the next run is due, where that is before the interval is over; asked before each wait,
    // on the body's thread. poke() where it becomes earlier than it said.
    std::function<MonoTime()> due;
};

class Periodic {
 public:
    Periodic(PeriodicOptions options, std::function<void()> body);
    ~Periodic() { stop(); }

    Periodic(const Periodic&) = delete;
    Periodic& operator=(const Periodic&) = delete;

    // Makes the body run as soon as possible: at once, or again after the run that is under way.
    // Pokes that come before that run starts count as one.
    void poke();

    // Ends the wait at once; no run starts after it returns. Idempotent. Not from the body.
    void stop();

 private:
    void loop(const std::stop_token& stop);
    MonoTime next_due() const;

    const PeriodicOptions options_;
    const std::function<void()> body_;

    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool poked_;  // Guarded by mutex_.

    Thread thread_;  // Last: it uses all of the above.
};

}  // namespace millrace::runtime
