// SIGTERM and SIGINT as something that main waits for: the first means drain, the second means now.
// A program that can read its settings again waits for SIGHUP too.
//
//   int main() {
//       Signals signals;                       // Before any thread exists.
//       … start …
//       signals.wait();                        // Drain …
//       signals.on_next([&] { … give up … });  // … unless told again.
//       … stop …
//   }
//
// Threads:   one caller at a time. The callback runs on the "signals" thread.
// Blocks:    wait(), up to its deadline; the destructor, while a callback runs.
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
    // SIGHUP ends a program that does not reload.
    enum class Reload { kNo, kYes };

    // Blocks the signals in this thread and in all that it starts from now on, and ignores
    // SIGPIPE. A child process inherits that over exec: unblock them between fork and exec.
    explicit Signals(Reload reload = Reload::kNo);
    ~Signals();

    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // What arrived, also before the call; nothing at the deadline.
    std::optional<Signal> wait(MonoTime deadline = kNoDeadline);

    // Runs the callback once, when the program is told to stop again. Once in the life of the
    // object, and no wait() after it.
    void on_next(std::function<void()> callback);

 private:
    int signal_fd_ = -1;
    int wake_fd_ = -1;  // Ends the thread's wait.
    Thread thread_;
};

}  // namespace millrace::runtime
