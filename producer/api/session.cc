// A connection's way from bytes to a route.

#include "producer/api/session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>

namespace millrace::api {
namespace {

namespace beast = boost::beast;
namespace net = boost::asio;

constexpr std::size_t kReadBytesMin = 4 * 1024;  // What an idle connection's buffer has.
constexpr std::size_t kReadBytesMax = 64 * 1024;
constexpr std::size_t kIgnoredBodyBytesMax = 64 * 1024;  // Of routes that take no body.

}  // namespace

Session::Session(std::shared_ptr<Reactor> reactor, net::ip::tcp::socket socket)
    : reactor_(std::move(reactor)),
      socket_(std::move(socket)),
      buffer_(options().header_bytes_max + 2 * kReadBytesMax),
      wake_timer_(reactor_->loop()) {}

void Session::start() {
    Error ignored;  // A connection that died already fails at its first read.
    socket_.set_option(net::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    next_request();
}

void Session::tick(MonoTime now) {
    if (now < deadline_) return;
    if (phase_ == Phase::kStreaming && writing_.empty()) {
        return send_event(": keepalive\n\n");
    }
    if (phase_ != Phase::kHeader && phase_ != Phase::kBody) return close();
    Error ignored;
    socket_.cancel(ignored);
    refuse({ProblemCode::kRequestTimeout,
            phase_ == Phase::kHeader ? "The header did not arrive in time."
                                     : "The body did not arrive in time.",
            {}});
}

void Session::drain() {
    switch (phase_) {
        case Phase::kIdle:
            return close();
        case Phase::kServing:
            if (!wake_) return;
            told_of_drain_ = true;
            return fire(Wake::kDraining);
        case Phase::kStreaming: {
            if (stream_ends_) return;
            // Not at once: that would bring all readers back together.
            send_event("retry: 2000\n\n");
            if (phase_ != Phase::kStreaming) return;
            if (const auto on_end = std::exchange(on_stream_end_, nullptr)) on_end();
            return close_events();
        }
        default:
            return;
    }
}

void Session::close() {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kClosed;
    deadline_ = MonoTime::max();
    Error ignored;
    socket_.close(ignored);
    wake_timer_.cancel();
    release_body();
    const auto self = shared_from_this();
    reactor_->forget(self);
    fire(Wake::kClientGone);
    if (const auto on_end = std::exchange(on_stream_end_, nullptr)) on_end();
}

void Session::enter(Phase phase, milliseconds time_left) {
    phase_ = phase;
    deadline_ = system_clock().now() + time_left;
}

void Session::next_request() {
    if (reactor_->state().draining()) return close();
    ++request_number_;
    route_ = nullptr;
    request_ = {};
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options().header_bytes_max));
    parser_->body_limit(boost::none);  // take_body_size() is stricter and answers.
    told_of_drain_ = false;
    enter(Phase::kIdle, options().idle_timeout);
    if (buffer_.size() > 0) {
        begin_header();
        return parse();
    }
    if (buffer_.capacity() > kReadBytesMin) buffer_.shrink_to_fit();
    read_more();
}

void Session::begin_header() {
    enter(Phase::kHeader, options().header_timeout);
    request_.received = system_clock().now();
}

void Session::read_more() {
    const auto wanted = phase_ == Phase::kBody ? *parser_->content_length_remaining() : 0;
    const auto room = std::clamp<std::size_t>(wanted, kReadBytesMin, kReadBytesMax);
    socket_.async_read_some(buffer_.prepare(room),
                            beast::bind_front_handler(&Session::on_read, shared_from_this()));
}

void Session::on_read(Error error, std::size_t bytes) {
    // Where the deadline came first, what was read belongs to a request that is refused already.
    if (phase_ != Phase::kIdle && phase_ != Phase::kHeader && phase_ != Phase::kBody) return;
    if (error) return close();
    buffer_.commit(bytes);
    if (phase_ == Phase::kIdle) begin_header();
    parse();
}

void Session::parse() {
    Error error;
    if (phase_ == Phase::kHeader) {
        buffer_.consume(parser_->put(buffer_.data(), error));
        if (error == beast::http::error::need_more) return read_more();
        if (error) return refuse(parse_problem(error, options().header_bytes_max));
        if (!take_header()) return;
    }
    while (!parser_->is_done()) {
        if (buffer_.size() == 0) return read_more();
        buffer_.consume(parser_->put(buffer_.data(), error));
        if (error && error != beast::http::error::need_more) {
            return refuse(parse_problem(error, options().header_bytes_max));
        }
    }
    serve();
}

// True where the body may be read on; else the request is on its way otherwise.
bool Session::take_header() {
    const auto received = request_.received;
    request_ = read_head(*parser_);
    request_.received = received;
    version_ = parser_->get().version();
    const bool has_body = parser_->content_length().value_or(0) > 0;
    if (const auto problem = framing_problem(*parser_)) {
        refuse(*problem);
        return false;
    }
    // An answer that comes without the body being read cannot be followed by another request.
    keep_alive_ = parser_->keep_alive() && !has_body;
    if (request_.method == Method::kOptions) {
        if (auto methods = allowed_methods(request_.path); !methods.empty()) {
            allow(204, std::move(methods), nullptr);
            return false;
        }
    }
    auto found = find_route(request_.method, request_.path);
    if (auto* miss = std::get_if<RouteMiss>(&found)) {
        allow(info(miss->problem.code).status, std::move(miss->allow), &miss->problem);
        return false;
    }
    keep_alive_ = parser_->keep_alive();
    route_ = std::get<RouteMatch>(found).route;
    request_.job_id = std::move(std::get<RouteMatch>(found).id);
    return !has_body || take_body_size();
}

bool Session::take_body_size() {
    const auto size = *parser_->content_length();
    const auto most = route_->takes_body ? options().body_bytes_max
                                         : std::min(kIgnoredBodyBytesMax, options().body_bytes_max);
    if (size > most) {
        refuse({ProblemCode::kBodyTooLarge,
                "The body has " + std::to_string(size) + " bytes; " + std::to_string(most) +
                    " is the most.",
                {}});
        return false;
    }
    if (!reactor_->state().body_reserve(size)) {
        refuse({ProblemCode::kOverloaded,
                "Too many request bodies are on their way; try again soon.",
                {}});
        return false;
    }
    body_reserved_ = size;
    enter(Phase::kBody, options().body_timeout);
    if (!expects_continue(*parser_) || buffer_.size() > 0) return true;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    net::async_write(socket_, net::buffer(kContinue),
                     [self = shared_from_this()](Error error, std::size_t) {
                         if (self->phase_ != Phase::kBody) return;
                         error ? self->close() : self->parse();
                     });
    return false;
}

void Session::serve() {
    phase_ = Phase::kServing;
    deadline_ = MonoTime::max();
    request_.body = std::move(parser_->get().body());
    request_.id = reactor_->next_request_id();
    route_->handler(reactor_->state().context(), shared_from_this());
}

void Session::refuse(const Problem& problem) {
    keep_alive_ = false;
    allow(info(problem.code).status, {}, &problem);
}

// Answers without a route: a problem, or nothing but the methods.
void Session::allow(int status, std::string methods, const Problem* problem) {
    phase_ = Phase::kServing;
    Response response{.status = status, .content_type = {}};
    if (problem != nullptr) response = problem_response(*problem, request_.path);
    if (!methods.empty()) response.headers.emplace_back("Allow", std::move(methods));
    reply(std::move(response));
}

}  // namespace millrace::api
