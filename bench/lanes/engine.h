// A model server that only pretends to compute. It serves a fixed number of requests at a time,
// sends each a token at a fixed interval, and keeps the rest in a queue of its own. It looks like
// llama-server, so the worker asks it for its slots and the length of its queue.
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

    // A job of this many tokens: the "input" of a submission.
    static std::string input(int tokens);

    std::string url() const { return server_.url(); }
    std::size_t completed() const;
    std::size_t begun() const;
    std::size_t ended() const;  // Completed or given up.
    // Returns the maximum length of its queue since the last call.
    std::size_t take_queue_max();
    // They return once `count` requests have a slot, or have begun or ended since the start.
    void wait_for_busy(std::size_t count);
    void wait_for_begun(std::size_t count);
    void wait_for_ended(std::size_t count);

 private:
    void answer(test::Exchange& exchange);
    // Returns true unless the request was given up.
    bool generate(test::Exchange& exchange) const;
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

    test::FakeServer server_;  // Last member: it calls answer().
};

}  // namespace millrace::bench
