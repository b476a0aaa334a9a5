// A model server that only pretends to compute: so many requests at a time, each a token every so
// often, and a queue of its own for what is more. It looks like llama-server, so that the worker
// asks it for its slots and for what it queues.
//
// Threads: thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>

#include "tests/support/fake_server.h"

namespace millrace::bench {

class Engine {
 public:
    Engine(std::size_t slots, std::chrono::milliseconds token);

    // A job of so many tokens; "input" of a submission.
    static std::string input(int tokens);

    std::string url() const { return server_.url(); }
    std::size_t completed() const;
    std::size_t begun() const;
    std::size_t ended() const;  // Completed or given up.
    // The longest that its queue was since the last call.
    std::size_t take_queue_max();
    // Return once so many requests have a slot, or have begun or ended since the start.
    void wait_for_busy(std::size_t count);
    void wait_for_begun(std::size_t count);
    void wait_for_ended(std::size_t count);

 private:
    void answer(worker::Exchange& exchange);
    // True when it was not given up.
    bool generate(worker::Exchange& exchange) const;
    void enter();
    void leave(bool completed);
    std::size_t queued() const;
    void wait(const std::function<bool()>& is_so);

    const std::size_t slots_;
    const std::chrono::milliseconds token_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    std::size_t busy_ = 0;
    std::size_t queued_ = 0;
    std::size_t queue_max_ = 0;
    std::size_t begun_ = 0;
    std::size_t ended_ = 0;
    std::size_t completed_ = 0;

    worker::FakeServer server_;  // Last: it calls answer().
};

}  // namespace millrace::bench
