// The connection's output: from an answer to bytes, and the wait for an answer.

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/status.hpp>

#include <fmt/format.h>

#include <array>

#include "common/base/check.h"
#include "common/telemetry/telemetry.h"
#include "producer/server/session.h"

namespace millrace::server {

namespace beast = boost::beast;
namespace net = boost::asio;
using telemetry::Metric;

namespace {

constexpr milliseconds kLingerTimeout{2000};

bool has_no_body(int status) {
    return status == 204 || status == 304;
}

// How long a client may reuse its connection. This is a little less than the connection stays open,
// so that the client's last request does not cross with the close.
std::int64_t stay_seconds(milliseconds idle_timeout) {
    constexpr milliseconds kMargin{2000};
    const auto stay = std::max(idle_timeout - kMargin, idle_timeout / 2);
    return std::chrono::floor<std::chrono::seconds>(stay).count();
}

}  // namespace

std::string Session::head_of(const Response& response, bool is_stream) {
    if (request_.id.empty()) request_.id = reactor_->next_request_id();
    const auto reason =
        beast::http::obsolete_reason(static_cast<beast::http::status>(response.status));
    std::string head;
    head.reserve(512);
    const auto out = std::back_inserter(head);
    fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\nx-request-id: {}\r\n", response.status,
                   std::string_view(reason.data(), reason.size()), reactor_->date(), request_.id);
    if (!has_no_body(response.status)) {
        fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
        if (!is_stream) fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
    }
    for (const auto& [name, value] : response.headers) {
        fmt::format_to(out, "{}: {}\r\n", name, value);
    }
    if (!keep_alive_) {
        head += "Connection: close\r\n";
    } else if (version_ < 11) {
        head += "Connection: keep-alive\r\n";
    }
    if (keep_alive_ && request_.asks_to_stay) {
        fmt::format_to(out, "Keep-Alive: timeout={}\r\n", stay_seconds(options().idle_timeout));
    }
    head += "\r\n";
    return head;
}

void Session::reply(Response response) {
    if (phase_ == Phase::kClosed) return;
    CHECK(phase_ == Phase::kServing);
    wake_ = nullptr;
    wake_timer_.cancel();
    if (std::exchange(watches_hangup_, false)) {
        Error ignored;
        socket_.cancel(ignored);
    }
    keep_alive_ = keep_alive_ && !reactor_->state().draining();
    enter(Phase::kWriting, options().write_timeout);
    const bool is_read = request_.method == Method::kGet || request_.method == Method::kHead;
    if (is_read && (response.status == 200 || response.status == 304)) {
        response.headers.emplace_back("Vary", "Accept-Encoding");
    }
    if (!should_compress(response)) return write(std::move(response));
    deflater_.emplace(std::move(response.body));
    response.headers.emplace_back("Content-Encoding", "gzip");
    compress(std::move(response));
}

bool Session::should_compress(const Response& response) const {
    if (request_.accept_encoding.empty() || response.body.empty()) return false;
    const auto accepted = accepted_coding(request_.accept_encoding);
    return accepted.gzip && (!accepted.plain || response.body.size() >= kCompressBytesMin);
}

// Compresses one step per turn of the loop, so that other connections of the thread get their
// turns.
void Session::compress(Response response) {
    if (phase_ != Phase::kWriting) return;
    if (!deflater_->step()) {
        return net::post(reactor_->loop(),
                         [self = shared_from_this(), response = std::move(response)]() mutable {
                             self->compress(std::move(response));
                         });
    }
    response.body = std::move(deflater_->result());
    deflater_.reset();
    write(std::move(response));
}

void Session::write(Response response) {
    status_ = response.status;
    head_ = head_of(response, false);
    const bool is_head_only = request_.method == Method::kHead || has_no_body(response.status);
    body_ = is_head_only ? std::string() : std::move(response.body);
    net::async_write(
        socket_, std::array<net::const_buffer, 2>{net::buffer(head_), net::buffer(body_)},
        [self = shared_from_this()](Error error, std::size_t) { self->on_written(error); });
}

void Session::on_written(Error error) {
    if (phase_ == Phase::kClosed) return;
    if (error) return close();
    note_answer();
    release_body();
    body_ = {};
    if (keep_alive_) return next_request();
    linger();
}

void Session::note_answer() {
    const auto route = route_ == nullptr ? std::string_view("none") : route_->name;
    telemetry::count<Metric::kHttpRequests>(1, route, std::to_string(status_));
    telemetry::observe<Metric::kHttpRequestSeconds>(system_clock().now() - request_.received,
                                                    route);
}

void Session::release_body() {
    reactor_->state().body_release(peer_, std::exchange(body_reserved_, 0));
}

void Session::linger() {
    enter(Phase::kLingering, kLingerTimeout);
    Error error;
    socket_.shutdown(net::ip::tcp::socket::shutdown_send, error);
    if (error) return close();
    on_linger({});
}

// Reads and drops until the client closes or the deadline passes.
void Session::on_linger(Error error) {
    if (phase_ == Phase::kClosed) return;
    if (error) return close();
    buffer_.clear();
    constexpr std::size_t kRoom = 16 * 1024;
    socket_.async_read_some(
        buffer_.prepare(kRoom),
        [self = shared_from_this()](Error failed, std::size_t) { self->on_linger(failed); });
}

void Session::wake_at(MonoTime deadline, std::function<void(Wake)> wake) {
    if (phase_ == Phase::kClosed) return wake(Wake::kClientGone);
    CHECK(phase_ == Phase::kServing || phase_ == Phase::kStreaming);
    wake_ = std::move(wake);
    const auto number = ++wake_number_;
    wake_timer_.expires_at(deadline);
    wake_timer_.async_wait([self = shared_from_this(), number](Error error) {
        if (!error && number == self->wake_number_) self->fire(Wake::kTimer);
    });
    if (!watches_hangup_) watch_for_hangup();
    if (!reactor_->state().draining() || std::exchange(told_of_drain_, true)) return;
    net::post(reactor_->loop(), [self = shared_from_this(), number] {
        if (number == self->wake_number_) self->fire(Wake::kDraining);
    });
}

void Session::fire(Wake wake) {
    if (const auto call = std::exchange(wake_, nullptr)) call(wake);
}

// Nothing is read while a request is served, so a closed connection is only noticed by becoming
// readable.
void Session::watch_for_hangup() {
    watches_hangup_ = true;
    socket_.async_wait(net::ip::tcp::socket::wait_read,
                       [self = shared_from_this(), number = request_number_](Error error) {
                           self->on_readable(error, number);
                       });
}

void Session::on_readable(Error error, std::uint64_t request_number) {
    if (error || request_number != request_number_ || !watches_hangup_) return;
    char byte = 0;
    Error peeked;
    socket_.receive(net::buffer(&byte, 1), net::ip::tcp::socket::message_peek, peeked);
    if (peeked == net::error::would_block) return watch_for_hangup();
    if (peeked == net::error::eof) return ask_whether_there();
    if (peeked) return close();
    // The next request is already there. From now on only writing the answer can show that the
    // client has gone.
    watches_hangup_ = false;
}

// The client has closed its side. It may still read (nc -N), or it may be gone: then anything sent
// to it comes back as a reset. HTTP/1.0 clients get nothing before the answer, so only the answer
// can show it.
void Session::ask_whether_there() {
    socket_.async_wait(net::ip::tcp::socket::wait_error, [self = shared_from_this(),
                                                          number = request_number_](Error error) {
        const bool is_over = number != self->request_number_ || !self->watches_hangup_;
        if (!error && !is_over) self->close();
    });
    if (phase_ == Phase::kStreaming) return send_event(kKeepalive);
    if (version_ < 11) return;
    // Clients must ignore it (RFC 9110, 15.2). Nothing else is being written.
    Error error;
    const auto sent = socket_.send(net::buffer(kContinue), 0, error);
    if (error != net::error::would_block && sent != kContinue.size()) close();
}

void Session::open_events(std::function<void()> on_end) {
    if (phase_ == Phase::kClosed) return on_end();
    CHECK(phase_ == Phase::kServing);
    wake_ = nullptr;
    wake_timer_.cancel();
    keep_alive_ = false;
    status_ = 200;
    on_stream_end_ = std::move(on_end);
    Response response{.content_type = "text/event-stream",
                      .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
    // HTTP/1.0 has no chunks: the end of the connection ends the stream.
    if (version_ >= 11) response.headers.emplace_back("Transfer-Encoding", "chunked");
    queued_ = head_of(response, true);
    phase_ = Phase::kStreaming;
    note_answer();
    if (!watches_hangup_) watch_for_hangup();
    flush_events();
}

void Session::send_event(std::string_view frame) {
    if (phase_ != Phase::kStreaming || stream_ends_) return;
    if (queued_.size() > options().event_queue_bytes_max) return close();
    append_chunk(frame);
    flush_events();
}

void Session::close_events() {
    if (phase_ != Phase::kStreaming || stream_ends_) return;
    on_stream_end_ = nullptr;
    stream_ends_ = true;
    append_chunk({});
    flush_events();
}

// Appends one chunk; an empty one ends the stream.
void Session::append_chunk(std::string_view data) {
    if (version_ < 11) {
        queued_ += data;
    } else {
        fmt::format_to(std::back_inserter(queued_), "{:x}\r\n{}\r\n", data.size(), data);
    }
}

void Session::flush_events() {
    if (!writing_.empty()) return;
    if (queued_.empty()) {
        if (stream_ends_) return linger();
        deadline_ = system_clock().now() + options().heartbeat_interval;
        return;
    }
    writing_ = std::exchange(queued_, {});
    deadline_ = system_clock().now() + options().write_timeout;
    net::async_write(
        socket_, net::buffer(writing_),
        [self = shared_from_this()](Error error, std::size_t) { self->on_flushed(error); });
}

void Session::on_flushed(Error error) {
    if (phase_ == Phase::kClosed) return;
    if (error) return close();
    writing_.clear();
    flush_events();
}

}  // namespace millrace::server
