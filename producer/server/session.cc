// The connection's input: from bytes to a route.

#include "producer/server/session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>

#include <fmt/format.h>

namespace millrace::server {
namespace {

namespace beast = boost::beast;
namespace net = boost::asio;

constexpr std::size_t kReadBytesMin = 4 * 1024;  // The buffer of an idle connection.
constexpr std::size_t kReadBytesMax = 64 * 1024;
constexpr std::size_t kIgnoredBodyBytesMax = 64 * 1024;  // For routes that take no body.

Problem no_room() {
    return {ProblemCode::kOverloaded,
            "Too many request bodies are being received at once; try again soon.",
            {}};
}

}  // namespace

Session::Session(std::shared_ptr<Reactor> reactor, net::ip::tcp::socket socket)
    : reactor_(std::move(reactor)),
      socket_(std::move(socket)),
      buffer_(options().header_bytes_max + 2 * kReadBytesMax),
      wake_timer_(reactor_->loop()) {}

void Session::start() {
    Error ignored;  // A connection that is already dead fails at its first read.
    socket_.set_option(net::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    peer_ = socket_.remote_endpoint(ignored).address().to_string();
    next_request();
}

void Session::tick(MonoTime now) {
    if (now < deadline_) return;
    // A request that arrives at the last moment is still read: its connection is not idle.
    Error unknown;
    if (phase_ == Phase::kIdle && socket_.available(unknown) > 0) return;
    if (phase_ == Phase::kStreaming && writing_.empty()) {
        return send_event(kKeepalive);
    }
    if (phase_ != Phase::kHeader && phase_ != Phase::kBody) return close();
    Error ignored;
    socket_.cancel(ignored);
    refuse({ProblemCode::kRequestTimeout,
            phase_ == Phase::kHeader
                ? "The header did not arrive in time (gateway.header_timeout)."
                : "The body did not arrive in time (gateway.body_timeout), or stalled "
                  "(gateway.body_stall_timeout).",
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
            // Readers return after a pause; otherwise all would come back at the same moment.
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
    chunks_.reset();
    parser_->header_limit(static_cast<std::uint32_t>(options().header_bytes_max));
    parser_->body_limit(boost::none);  // take_body_size() is stricter and answers.
    told_of_drain_ = false;
    enter(Phase::kIdle, options().idle_timeout);
    if (begins_request()) {
        begin_header();
        return parse();
    }
    if (buffer_.capacity() > kReadBytesMin) buffer_.shrink_to_fit();
    read_more();
}

// Whether the buffer contains more than the empty lines that some clients add after a body; those
// are removed (RFC 9112, 2.2).
bool Session::begins_request() {
    const auto bytes = buffer_.data();
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    std::size_t size = 0;
    while (text.substr(size).starts_with("\r\n")) size += 2;
    const auto rest = text.substr(size);
    const bool begins = !rest.empty() && rest != "\r";
    buffer_.consume(size);
    return begins;
}

void Session::begin_header() {
    enter(Phase::kHeader, options().header_timeout);
    request_.received = system_clock().now();
}

void Session::read_more() {
    std::uint64_t wanted = 0;
    if (phase_ == Phase::kBody) {
        wanted = chunks_ ? chunks_->chunk_left() : *parser_->content_length_remaining();
    }
    const auto room = std::clamp<std::uint64_t>(wanted, kReadBytesMin, kReadBytesMax);
    socket_.async_read_some(buffer_.prepare(room),
                            beast::bind_front_handler(&Session::on_read, shared_from_this()));
}

void Session::on_read(Error error, std::size_t bytes) {
    // If the deadline came first, these bytes belong to a request that is already refused.
    if (phase_ != Phase::kIdle && phase_ != Phase::kHeader && phase_ != Phase::kBody) return;
    if (error) return close();
    buffer_.commit(bytes);
    if (phase_ == Phase::kIdle) {
        if (!begins_request()) return read_more();
        begin_header();
    }
    if (phase_ == Phase::kBody) note_progress();
    parse();
}

void Session::parse() {
    Error error;
    if (phase_ == Phase::kHeader) {
        const auto bytes = buffer_.data();
        const auto taken = parser_->put(bytes, error);
        const auto fault = line_problem({static_cast<const char*>(bytes.data()), taken});
        buffer_.consume(taken);
        if (fault) return refuse(*fault);
        if (error == beast::http::error::need_more) return read_more();
        if (error) return refuse(parse_problem(error, options().header_bytes_max));
        if (!take_header()) return;
    }
    if (chunks_) return take_chunks() ? serve() : void();
    while (!parser_->is_done()) {
        if (buffer_.size() == 0) return read_more();
        buffer_.consume(parser_->put(buffer_.data(), error));
        if (error && error != beast::http::error::need_more) {
            return refuse(parse_problem(error, options().header_bytes_max));
        }
        if (!reserve_body(parser_->get().body().size())) return;
    }
    serve();
}

// Returns true once the body is complete. Otherwise reading continues, or the request is refused.
bool Session::take_chunks() {
    const auto bytes = buffer_.data();
    buffer_.consume(chunks_->take({static_cast<const char*>(bytes.data()), bytes.size()}));
    if (!reserve_body(chunks_->body().size())) return false;
    switch (chunks_->status()) {
        case ChunkedBody::Status::kMore:
            read_more();
            return false;
        case ChunkedBody::Status::kDone:
            return true;
        case ChunkedBody::Status::kTooLarge:
            refuse(too_large(fmt::format("more than {} bytes", body_bytes_max())));
            return false;
        case ChunkedBody::Status::kMalformed:
            refuse({ProblemCode::kMalformedRequest,
                    "The body's chunks are malformed: each must be its size in hexadecimal digits, "
                    "CRLF, its bytes, CRLF.",
                    {}});
            return false;
    }
    return false;
}

// Returns true if the body can be read now. Otherwise the request is already being handled another
// way.
bool Session::take_header() {
    const auto received = request_.received;
    request_ = read_head(*parser_);
    request_.received = received;
    version_ = parser_->get().version();
    const bool comes_in_chunks = is_chunked(*parser_);
    const bool has_body = comes_in_chunks || parser_->content_length().value_or(0) > 0;
    if (const auto problem = framing_problem(*parser_)) {
        refuse(*problem);
        return false;
    }
    // If the answer comes without reading the body, no other request can follow on the connection.
    keep_alive_ = parser_->keep_alive() && !has_body;
    if (request_.method == Method::kOptions) {
        if (auto methods = application().allowed_methods(request_.path); !methods.empty()) {
            allow(204, std::move(methods), nullptr);
            return false;
        }
    }
    auto found = application().find(request_.method, request_.path);
    if (auto* miss = std::get_if<RouteMiss>(&found)) {
        allow(info(miss->problem.code).status, std::move(miss->allow), &miss->problem);
        return false;
    }
    keep_alive_ = parser_->keep_alive();
    route_ = std::get<RouteMatch>(found).route;
    request_.path_id = std::move(std::get<RouteMatch>(found).id);
    if (!has_body) return true;
    if (!comes_in_chunks) return take_body_size() && go_on_with_body();
    chunks_.emplace(body_bytes_max(), options().header_bytes_max);
    return go_on_with_body();
}

std::size_t Session::body_bytes_max() const {
    return route_->takes_body ? options().body_bytes_max
                              : std::min(kIgnoredBodyBytesMax, options().body_bytes_max);
}

Problem Session::too_large(std::string_view size) const {
    auto detail = fmt::format("The body has {}; the maximum is {}", size, body_bytes_max());
    detail += route_->takes_body ? ", the gateway's setting gateway.body_bytes_max."
                                 : " here, where no body is needed.";
    return {ProblemCode::kBodyTooLarge, std::move(detail), {}};
}

bool Session::take_body_size() {
    const auto size = *parser_->content_length();
    if (size <= body_bytes_max()) return true;
    refuse(too_large(fmt::format("{} bytes", size)));
    return false;
}

// Counts what has come of the body; refuses the request if there is no room. A length that was only
// declared takes none: otherwise a few clients that send nothing more would shut out all others.
bool Session::reserve_body(std::size_t size) {
    if (size <= body_reserved_) return true;
    if (reserve_more(size - body_reserved_)) return true;
    refuse(no_room());
    return false;
}

bool Session::reserve_more(std::size_t bytes) {
    if (!reactor_->state().body_reserve(peer_, bytes)) return false;
    body_reserved_ += bytes;
    return true;
}

// A body must arrive in time as a whole, and must not stall.
void Session::note_progress() {
    deadline_ = std::min(body_deadline_, system_clock().now() + options().body_stall_timeout);
}

bool Session::go_on_with_body() {
    enter(Phase::kBody, options().body_timeout);
    body_deadline_ = deadline_;
    note_progress();
    if (!expects_continue(*parser_) || buffer_.size() > 0) return true;
    net::async_write(socket_, net::buffer(kContinue),
                     [self = shared_from_this()](Error error, std::size_t) {
                         if (self->phase_ != Phase::kBody) return;
                         error ? self->close() : self->parse();
                     });
    return false;
}

// Decodes the body, within the limits for plain bodies.
std::optional<Problem> Session::decode_body() {
    auto& body = request_.body;
    if (body.empty() || !route_->takes_body) return std::nullopt;
    if (body_coding(request_.content_encoding) != BodyCoding::kKnown) return std::nullopt;
    const auto reserve = [this](std::size_t bytes) { return reserve_more(bytes); };
    std::string inflated;
    const auto fault =
        inflate(request_.content_encoding, body, body_bytes_max(), reserve, inflated);
    if (fault == InflateFault::kTooLarge) {
        return too_large(fmt::format("more than {} bytes when decompressed", body_bytes_max()));
    }
    if (fault == InflateFault::kNoRoom) return no_room();
    if (fault) {
        return Problem{
            ProblemCode::kMalformedRequest,
            fmt::format(
                "The body is not a complete {} stream, although its Content-Encoding says so.",
                request_.content_encoding),
            {}};
    }
    body = std::move(inflated);
    request_.content_encoding.clear();
    return std::nullopt;
}

void Session::serve() {
    phase_ = Phase::kServing;
    deadline_ = MonoTime::max();
    request_.body = std::move(chunks_ ? chunks_->body() : parser_->get().body());
    request_.id = reactor_->next_request_id();
    if (const auto problem = decode_body()) return allow(info(problem->code).status, {}, &*problem);
    application().serve(*route_, shared_from_this());
}

void Session::refuse(const Problem& problem) {
    keep_alive_ = false;
    allow(info(problem.code).status, {}, &problem);
}

// Answers without a route: with a problem, or with only the methods.
void Session::allow(int status, std::string methods, const Problem* problem) {
    phase_ = Phase::kServing;
    Response response{.status = status, .content_type = {}};
    if (problem != nullptr) response = problem_response(*problem, request_.path);
    if (!methods.empty()) response.headers.emplace_back("Allow", std::move(methods));
    reply(std::move(response));
}

}  // namespace millrace::server
