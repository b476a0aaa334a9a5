#include "producer/api/http_server.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "producer/api/reactor.h"

namespace millrace::api {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using NetError = boost::system::error_code;

constexpr milliseconds kAcceptBackoff{100};

// Each connection is a file. Where the hard limit is lower than wanted, accept() copes.
void raise_file_limit(int connections_max) {
    constexpr rlim_t kOtherFiles = 1024;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const auto wanted = static_cast<rlim_t>(connections_max) + kOtherFiles;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return;
    log_warning("the limit of open files is low for connections_max",
                {{"limit", static_cast<std::int64_t>(limit.rlim_cur)}, {"wanted", wanted}});
}

}  // namespace

// Accepts on the first reactor's thread; each connection is made on the loop it will live on.
class HttpServer::Impl {
 public:
    Impl(ApiOptions options, gateway::JobService& service)
        : state_(std::make_shared<ServerState>(std::move(options), service)) {
        for (int i = 0; i < state_->options().threads; ++i) {
            reactors_.push_back(std::make_shared<Reactor>(state_, i));
        }
        CHECK(!reactors_.empty());
        acceptor_.emplace(reactors_.front()->loop());
        backoff_.emplace(reactors_.front()->loop());
    }

    ~Impl() { stop(); }

    Status start() {
        raise_file_limit(state_->options().connections_max);
        TRY_STATUS(listen());
        accept();
        for (const auto& reactor : reactors_) reactor->start();
        return ok();
    }

    std::uint16_t port() const { return port_; }

    void drain(MonoTime deadline) {
        state_->set_draining();
        reactors_.front()->post([this] { close_acceptor(); });
        for (const auto& reactor : reactors_) reactor->drain();
        if (state_->wait_for_no_connections(deadline)) return;
        log_warning("connections are cut off: they did not end within the drain timeout");
    }

    void stop() {
        state_->set_draining();
        reactors_.front()->post([this] { close_acceptor(); });
        for (const auto& reactor : reactors_) reactor->stop();
    }

 private:
    Status listen() {
        const auto& options = state_->options();
        NetError error;
        const auto host = options.host == "localhost" ? "127.0.0.1" : options.host;
        const auto address = net::ip::make_address(host, error);
        if (error) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("gateway.host is \"{}\"; give an IP address such as 127.0.0.1 "
                                     "or 0.0.0.0",
                                     options.host)};
        }
        const tcp::endpoint endpoint(address, options.port);
        acceptor_->open(endpoint.protocol(), error);
        // Else a restart would have to wait for the old connections' TIME_WAIT.
        if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
        if (!error) acceptor_->bind(endpoint, error);
        if (!error) acceptor_->listen(net::socket_base::max_listen_connections, error);
        if (error) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("cannot listen on {} port {}: {}; free it, or choose another "
                                     "with gateway.host and gateway.port (0 takes a free one)",
                                     options.host, options.port, error.message())};
        }
        port_ = acceptor_->local_endpoint().port();
        return ok();
    }

    void accept() {
        const auto reactor = reactors_[next_++ % reactors_.size()];
        acceptor_->async_accept(reactor->loop(),
                                [this, reactor](NetError error, tcp::socket socket) {
                                    accepted(reactor, error, std::move(socket));
                                });
    }

    void accepted(const std::shared_ptr<Reactor>& reactor, NetError error, tcp::socket socket) {
        if (!acceptor_->is_open()) return;
        if (error == net::error::connection_aborted) return accept();
        if (error) return pause(error);
        is_short_ = false;
        // A connection too many is closed by going out of scope.
        if (state_->connection_opened()) reactor->adopt(std::move(socket));
        accept();
    }

    // Out of files or memory: trying again at once would spin.
    void pause(NetError error) {
        if (!std::exchange(is_short_, true)) {
            log_warning("cannot accept connections for now", {{"error", error.message()}});
        }
        backoff_->expires_after(kAcceptBackoff);
        backoff_->async_wait([this](NetError cancelled) {
            if (!cancelled && acceptor_->is_open()) accept();
        });
    }

    void close_acceptor() {
        NetError ignored;
        acceptor_->close(ignored);
        backoff_->cancel();
    }

    const std::shared_ptr<ServerState> state_;
    std::vector<std::shared_ptr<Reactor>> reactors_;
    std::uint16_t port_ = 0;

    // Of the first reactor's thread:
    std::optional<tcp::acceptor> acceptor_;
    std::optional<net::steady_timer> backoff_;
    std::size_t next_ = 0;
    bool is_short_ = false;  // Since the last accept that succeeded.
};

HttpServer::HttpServer(ApiOptions options, gateway::JobService& service)
    : impl_(std::make_unique<Impl>(std::move(options), service)) {}

HttpServer::~HttpServer() = default;

Status HttpServer::start() {
    return impl_->start();
}

std::uint16_t HttpServer::port() const {
    return impl_->port();
}

void HttpServer::drain(MonoTime deadline) {
    impl_->drain(deadline);
}

void HttpServer::stop() {
    impl_->stop();
}

}  // namespace millrace::api
