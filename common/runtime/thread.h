// The only way to start a thread: it has a name, cannot be left behind, and lets no exception
// escape.
//
// Threads:   one owner at a time; request_stop() from any thread while the object lives.
// Blocks:    join(), the destructor and assignment, until the body has returned.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace millrace::runtime {

class Thread {
 public:
    // Returns on its own, or soon after a stop is requested. Wait with
    // std::condition_variable_any::wait(lock, stop, predicate), or close the queue that the thread
    // reads. An exception that leaves the body is logged and ends the process.
    using Body = std::function<void(std::stop_token)>;

    Thread() = default;  // Runs nothing.
    // The name appears in logs, debuggers and `top -H`; Linux keeps its first 15 characters. If the
    // system allows no further thread, the process ends and its log says so.
    Thread(std::string name, Body body);

    Thread(Thread&&) noexcept = default;
    // First stops and joins the thread of the object that is assigned to.
    Thread& operator=(Thread&&) noexcept = default;
    // Requests a stop and joins.
    ~Thread() = default;

    // Asks the body to return. Idempotent; does nothing if nothing runs.
    void request_stop() { thread_.request_stop(); }
    // Waits for the body to return without asking it to. Idempotent.
    void join() {
        if (thread_.joinable()) thread_.join();
    }

 private:
    std::jthread thread_;
};

}  // namespace millrace::runtime
