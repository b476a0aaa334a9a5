// Which processors a thread may run on. What it starts, threads and processes, inherits that.
#pragma once

#include <sched.h>

#include <span>

namespace millrace::runtime {

// Of the calling thread, from now on. False where none of them is there or allowed, with errno set.
// Async-signal-safe. Requires: each below CPU_SETSIZE.
bool bind_thread(std::span<const int> processors);

// Of the calling thread while the object lives; it must end on the same thread. Without processors
// it changes nothing.
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
