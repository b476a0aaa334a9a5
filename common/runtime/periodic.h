// Runs a function at an interval on its own thread, and immediately when poked.
//
// The interval counts from the end of one run to the start of the next, so runs never overlap, and
// a slow run delays the next one instead of piling up.
//
// Threads:   poke() from any thread; stop() and the destructor from one thread. The body runs on
//            the thread `name`.
// Blocks:    stop() and the destructor, until a run in progress has returned.
#pragma once

#include <condition_variable>
#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/runtime/thread.h"

namespace millrace::runtime {

struct PeriodicOptions {
    std::string name;  // The thread's.
    milliseconds interval{1000};
    // Each wait is uniform in interval * [1 - jitter, 1 + jitter], so that many processes do not
    // run in step. In [0, 1].
    double jitter = 0;
    bool run_at_once = false;  // Whether the first run comes at the start or after one interval.
    // When the next run is due, if that is before the end of the interval. Called before each wait,
    // on the body's thread. Call poke() if a run becomes due earlier than it returned.
    std::function<MonoTime()> due;
};

class Periodic {
 public:
    Periodic(PeriodicOptions options, std::function<void()> body);
    ~Periodic() { stop(); }

    Periodic(const Periodic&) = delete;
    Periodic& operator=(const Periodic&) = delete;

    // Makes the body run as soon as possible: at once, or again after a run in progress. Pokes
    // before that run starts count as one.
    void poke();

    // Ends the wait at once; no run starts after it returns. Idempotent. Do not call it from the
    // body.
    void stop();

 private:
    void loop(const std::stop_token& stop);
    MonoTime next_due() const;

    const PeriodicOptions options_;
    const std::function<void()> body_;

    Mutex mutex_;
    std::condition_variable_any changed_;
    bool poked_ GUARDED_BY(mutex_);

    Thread thread_;  // Last: it uses all of the above.
};

}  // namespace millrace::runtime
