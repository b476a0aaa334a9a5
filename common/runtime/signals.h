// SIGTERM and SIGINT as something that main waits for: the first means drain, the second means now.
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

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/runtime/thread.h"

namespace millrace::runtime {

class Signals {
 public:
    // Blocks both signals in this thread and in all that it starts from now on, and ignores
    // SIGPIPE. A child process inherits that over exec: unblock them between fork and exec.
    Signals();
    ~Signals();

    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // True when a signal arrived, also one from before the call; false at the deadline.
    bool wait(MonoTime deadline = kNoDeadline);

    // Runs the callback once, when the next signal arrives. Once in the life of the object, and
    // no wait() after it.
    void on_next(std::function<void()> callback);

 private:
    int signal_fd_ = -1;
    int wake_fd_ = -1;  // Ends the thread's wait.
    Thread thread_;
};

}  // namespace millrace::runtime
