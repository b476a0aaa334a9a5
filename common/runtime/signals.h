// SIGTERM and SIGINT as events that main waits for: the first means drain, the second means stop
// now. A program that can reload its settings also waits for SIGHUP.
//
//   int main() {
//       Signals signals;                       // Before any thread exists.
//       … start …
//       signals.wait();                        // Drain …
//       signals.on_next([&] { … give up … });  // … unless a second signal comes.
//       … stop …
//   }
//
// Threads:   one caller at a time. The callback runs on the "signals" thread.
// Blocks:    wait(), up to its deadline; the destructor, while the callback runs.
#pragma once

#include <functional>
#include <optional>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/runtime/thread.h"

namespace millrace::runtime {

enum class Signal {
    kStop,    // SIGTERM, SIGINT
    kReload,  // SIGHUP
};

class Signals {
 public:
    // With kNo, SIGHUP ends the program.
    enum class Reload { kNo, kYes };

    // Blocks the signals in this thread and in all threads started from now on, and ignores
    // SIGPIPE. A child process inherits both across exec, so undo them between fork and exec.
    explicit Signals(Reload reload = Reload::kNo);
    ~Signals();

    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // The signal that arrived, even before the call; nothing by the deadline.
    std::optional<Signal> wait(MonoTime deadline = kNoDeadline);

    // Runs the callback once, on the next SIGTERM or SIGINT. Call it once in the life of the
    // object, with no wait() after it.
    void on_next(std::function<void()> callback);

 private:
    int signal_fd_ = -1;
    int wake_fd_ = -1;  // Ends the thread's wait.
    Thread thread_;
};

}  // namespace millrace::runtime
