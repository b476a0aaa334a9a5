// Receives a person's requests to `millrace up` at any time. The first SIGINT or SIGTERM asks it to
// stop, the second to hurry, and the third ends it at once (the kernel then ends its children).
// SIGHUP asks for a reload, or to stop if it means that the terminal is gone.
//
// Threads:   create the object before any thread; its calls may come from any.
// Owns:      the thread "interrupts", which reads the signals.
// Blocks:    wait(), up to the given time.
#pragma once

#include <atomic>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/runtime/signals.h"
#include "common/runtime/thread.h"

namespace millrace::cli::up {

class Interrupts {
 public:
    Interrupts();

    std::stop_token stop() const { return stop_.get_token(); }
    std::stop_token hurry() const { return hurry_.get_token(); }
    // Whether a reload was requested since the last call.
    bool take_reload() { return reload_.exchange(false); }

    // Returns early if something is requested.
    void wait(milliseconds time);

 private:
    void handle(runtime::Signal signal);

    std::stop_source stop_;
    std::stop_source hurry_;
    std::atomic<bool> reload_ = false;
    Mutex mutex_;
    Condition asked_;
    int count_ GUARDED_BY(mutex_) = 0;  // Of the signals received.
    runtime::Signals signals_;
    const bool ends_with_terminal_;
    runtime::Thread thread_;  // Last: it uses all members above.
};

}  // namespace millrace::cli::up
