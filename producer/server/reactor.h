// One thread with its event loop and the connections that live on it.
//
// A reactor may outlive its server: its connections keep it alive, and so do the tasks that
// services still hold. A late callback thus finds a loop that drops tasks, instead of a destroyed
// one.
//
// Threads:   post(), adopt(), drain() and stop() from any; the rest on its own thread.
// Blocks:    stop(), until the thread has ended.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "common/base/mutex.h"
#include "common/base/uuid.h"
#include "common/runtime/thread.h"
#include "producer/server/server_state.h"

namespace millrace::server {

class Session;

class Reactor : public std::enable_shared_from_this<Reactor> {
 public:
    Reactor(std::shared_ptr<ServerState> state, int number);

    void start();
    boost::asio::io_context& loop() { return loop_; }
    ServerState& state() { return *state_; }

    // Runs the task immediately on its own thread, otherwise soon. Dropped after stop().
    void post(std::function<void()> task);

    // Takes over a connection that was accepted on this loop and counted in the state.
    void adopt(boost::asio::ip::tcp::socket socket);
    void forget(const std::shared_ptr<Session>& session);

    void drain();
    // Closes every connection and ends the thread. Idempotent; safe before start().
    void stop();

    std::string next_request_id();
    // The value of the Date field, renewed every second.
    const std::string& date();

 private:
    void schedule_sweep();
    void sweep();

    std::shared_ptr<ServerState> state_;
    const int number_;
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;

    Mutex mutex_;
    bool is_stopped_ GUARDED_BY(mutex_) = false;

    // Touched only by `thread_`:
    boost::asio::steady_timer sweep_timer_;
    bool is_closing_ = false;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    UuidGenerator ids_;
    std::string date_;
    std::chrono::sys_seconds date_time_{};

    runtime::Thread thread_;
};

}  // namespace millrace::server
