// Which processors a thread may run on. The threads and processes that it starts inherit that.
#pragma once

#include <sched.h>

#include <span>

namespace millrace::runtime {

// Binds the calling thread from now on. False, with errno set, if none of the processors exists or
// is allowed. Async-signal-safe. Requires: each below CPU_SETSIZE.
bool bind_thread(std::span<const int> processors);

// Binds the calling thread while the object lives; it must be destroyed on the same thread. Without
// processors it changes nothing.
class ThreadBinding {
 public:
    explicit ThreadBinding(std::span<const int> processors);
    ~ThreadBinding();
    ThreadBinding(const ThreadBinding&) = delete;
    ThreadBinding& operator=(const ThreadBinding&) = delete;

    bool ok() const { return ok_; }

 private:
    cpu_set_t before_;
    bool bound_ = false;
    bool ok_ = true;
};

}  // namespace millrace::runtime
