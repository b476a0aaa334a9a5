#include "producer/server/reactor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

#include "producer/server/header_values.h"
#include "producer/server/session.h"

namespace millrace::server {

namespace net = boost::asio;

namespace {

// Deadlines are accurate to a quarter of the shortest one, or to a second if that is less.
milliseconds sweep_interval(const ServerOptions& options) {
    constexpr milliseconds kLeast{5};
    constexpr milliseconds kMost{1000};
    const auto shortest =
        std::min({options.header_timeout, options.body_timeout, options.write_timeout,
                  options.idle_timeout, options.heartbeat_interval});
    return std::clamp(shortest / 4, kLeast, kMost);
}

}  // namespace

Reactor::Reactor(std::shared_ptr<ServerState> state, int number)
    : state_(std::move(state)),
      number_(number),
      work_(net::make_work_guard(loop_)),
      sweep_timer_(loop_),
      ids_(system_random()) {}

void Reactor::start() {
    schedule_sweep();
    thread_ = runtime::Thread(fmt::format("http-{}", number_),
                              [this](const std::stop_token&) { loop_.run(); });
}

void Reactor::post(std::function<void()> task) {
    if (loop_.get_executor().running_in_this_thread()) return task();
    // The lock ensures that nothing enters the loop after it has run dry.
    const MutexLock lock(mutex_);
    if (!is_stopped_) net::post(loop_, std::move(task));
}

void Reactor::adopt(net::ip::tcp::socket socket) {
    // post() takes a std::function, which must be copyable, but a socket can only be moved; asio's
    // post allows that.
    const MutexLock lock(mutex_);
    if (is_stopped_) return state_->connection_closed();
    net::post(loop_, [self = shared_from_this(), socket = std::move(socket)]() mutable {
        const auto session = std::make_shared<Session>(self, std::move(socket));
        self->sessions_.insert(session);
        session->start();
    });
}

void Reactor::forget(const std::shared_ptr<Session>& session) {
    sessions_.erase(session);
    state_->connection_closed();
}

void Reactor::drain() {
    post([self = shared_from_this()] {
        const std::vector sessions(self->sessions_.begin(), self->sessions_.end());
        for (const auto& session : sessions) session->drain();
    });
}

void Reactor::stop() {
    {
        const MutexLock lock(mutex_);
        if (is_stopped_) return;
        is_stopped_ = true;
        net::post(loop_, [this] {
            is_closing_ = true;
            sweep_timer_.cancel();
            const std::vector sessions(sessions_.begin(), sessions_.end());
            for (const auto& session : sessions) session->close();
        });
    }
    // The loop ends by itself once the last operations of the closed connections have returned.
    work_.reset();
    thread_.join();
}

void Reactor::schedule_sweep() {
    sweep_timer_.expires_after(sweep_interval(state_->options()));
    sweep_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled && !is_closing_) sweep();
    });
}

void Reactor::sweep() {
    const auto now = system_clock().now();
    const std::vector sessions(sessions_.begin(), sessions_.end());
    for (const auto& session : sessions) session->tick(now);
    schedule_sweep();
}

std::string Reactor::next_request_id() {
    const auto now = system_clock().wall().time_since_epoch();
    return "req_" + uuid_to_base32(ids_.next(std::chrono::floor<milliseconds>(now)));
}

const std::string& Reactor::date() {
    const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().wall());
    if (now != date_time_) {
        date_time_ = now;
        date_ = http_date(now);
    }
    return date_;
}

}  // namespace millrace::server
