// One connection: reads a request, passes it to its route, writes the answer, and repeats.
//
//   idle ─► header ─► body ─► serving ─► writing ─► idle …            keep-alive
//                                │           └────► lingering ─► closed
//                                └─► streaming ───► lingering
//
// Bytes are parsed as they arrive; a pipelined request stays in the buffer until the one before it
// is answered. Each phase has a deadline, which the reactor's sweep enforces through tick(); this
// costs nothing while requests are fast. A connection that is refused in the middle of a request is
// closed after the answer, because the bytes that follow cannot be trusted to be a request.
// "Lingering" means to read on until the client closes, so that a reset does not destroy the answer
// on its way.
//
// Threads: its reactor's. Owned by the reactor until close().
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "producer/server/chunked_body.h"
#include "producer/server/compression.h"
#include "producer/server/exchange.h"
#include "producer/server/reactor.h"
#include "producer/server/request_head.h"

namespace millrace::server {

class Session final : public Exchange, public std::enable_shared_from_this<Session> {
 public:
    Session(std::shared_ptr<Reactor> reactor, boost::asio::ip::tcp::socket socket);

    void start();
    // Enforces the current phase's deadline.
    void tick(MonoTime now);
    // Closes the connection if it is idle; otherwise makes the current request the last, and short.
    void drain();
    // Closes at once. Wakes a waiting handler with kClientGone and reports the end of a stream.
    // Idempotent.
    void close();

    const Request& request() const override { return request_; }
    void post(std::function<void()> task) override { reactor_->post(std::move(task)); }
    void reply(Response response) override;
    void wake_at(MonoTime deadline, std::function<void(Wake)> wake) override;
    void open_events(std::function<void()> on_end) override;
    void send_event(std::string_view frame) override;
    void close_events() override;
    bool is_draining() const override { return reactor_->state().draining(); }

 private:
    enum class Phase { kIdle, kHeader, kBody, kServing, kWriting, kStreaming, kLingering, kClosed };
    using Error = boost::system::error_code;

    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    static constexpr std::string_view kKeepalive = ": keepalive\n\n";

    const ServerOptions& options() const { return reactor_->state().options(); }
    Application& application() const { return reactor_->state().application(); }
    void enter(Phase phase, milliseconds time_left);

    // Reading (session.cc).
    void next_request();
    bool begins_request();
    void begin_header();
    void read_more();
    void on_read(Error error, std::size_t bytes);
    void parse();
    bool take_header();
    std::size_t body_bytes_max() const;
    Problem too_large(std::string_view size) const;
    bool take_body_size();
    bool take_chunks();
    bool go_on_with_body();
    bool reserve_body(std::size_t size);
    bool reserve_more(std::size_t bytes);
    void note_progress();
    std::optional<Problem> decode_body();
    void serve();
    void refuse(const Problem& problem);
    void allow(int status, std::string methods, const Problem* problem);

    // Answering (session_answer.cc).
    std::string head_of(const Response& response, bool is_stream);
    bool should_compress(const Response& response) const;
    void compress(Response response);
    void write(Response response);
    void on_written(Error error);
    void note_answer();
    void linger();
    void on_linger(Error error);
    void release_body();
    void fire(Wake wake);
    void watch_for_hangup();
    void on_readable(Error error, std::uint64_t request_number);
    void ask_whether_there();
    void append_chunk(std::string_view data);
    void flush_events();
    void on_flushed(Error error);

    const std::shared_ptr<Reactor> reactor_;  // First: the members below live on its loop.
    boost::asio::ip::tcp::socket socket_;
    std::string peer_;  // Its address.
    boost::beast::flat_buffer buffer_;
    Phase phase_ = Phase::kIdle;
    MonoTime deadline_ = MonoTime::max();

    // The current request.
    std::optional<RequestParser> parser_;
    Request request_;
    std::optional<ChunkedBody> chunks_;  // Set if the body is chunked.
    const Route* route_ = nullptr;
    std::uint64_t request_number_ = 0;
    std::size_t body_reserved_ = 0;
    MonoTime body_deadline_ = MonoTime::max();
    unsigned version_ = 11;
    bool keep_alive_ = false;

    // Its answer:
    int status_ = 0;
    std::string head_;
    std::string body_;
    std::optional<Deflater> deflater_;  // Set during compression.

    // Its wait:
    boost::asio::steady_timer wake_timer_;
    std::function<void(Wake)> wake_;
    std::uint64_t wake_number_ = 0;
    bool watches_hangup_ = false;
    bool told_of_drain_ = false;

    // Its stream:
    std::function<void()> on_stream_end_;
    std::string queued_;   // To be written next.
    std::string writing_;  // Being written.
    bool stream_ends_ = false;
};

}  // namespace millrace::server
