#include "producer/server/http_server.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "producer/server/reactor.h"

namespace millrace::server {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using NetError = boost::system::error_code;

constexpr milliseconds kAcceptBackoff{100};

// Each connection needs a file descriptor. If the hard limit is too low, accept() copes.
void raise_file_limit(int connections_max) {
    constexpr rlim_t kOtherFiles = 1024;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const auto wanted = static_cast<rlim_t>(connections_max) + kOtherFiles;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return;
    log_warning("the limit of open files (ulimit -n) is below what gateway.connections_max needs",
                {{"limit", static_cast<std::int64_t>(limit.rlim_cur)}, {"wanted", wanted}});
}

// All addresses of the host: the literal address itself, or those that a name resolves to.
Result<std::vector<net::ip::address>> addresses_of(net::io_context& loop, const std::string& host) {
    constexpr std::size_t kAddressesMax = 16;
    NetError error;
    const auto literal = net::ip::make_address(std::string(without_brackets(host)), error);
    if (!error) return std::vector{literal};
    std::vector<net::ip::address> addresses;
    for (const auto& found : tcp::resolver(loop).resolve(host, "", error)) {
        const auto address = found.endpoint().address();
        if (addresses.size() == kAddressesMax) break;
        if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
    if (!error && !addresses.empty()) return addresses;
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format(
            "gateway.host is \"{}\", which is neither an address nor a name of this machine ({}); "
            "give one such as 127.0.0.1, ::1, localhost, or 0.0.0.0 or :: for all",
            host, error.message())};
}

}  // namespace

// Accepts on the first reactor's thread. Each connection is created on the loop that it will live
// on.
class HttpServer::Impl {
 public:
    Impl(ServerOptions options, std::shared_ptr<Application> application)
        : state_(std::make_shared<ServerState>(std::move(options), std::move(application))) {
        for (int i = 0; i < state_->options().threads; ++i) {
            reactors_.push_back(std::make_shared<Reactor>(state_, i));
        }
        CHECK(!reactors_.empty());
    }

    ~Impl() { stop(); }

    Status start() {
        raise_file_limit(state_->options().connections_max);
        TRY_STATUS(listen());
        for (const auto& listener : listeners_) accept(*listener);
        for (const auto& reactor : reactors_) reactor->start();
        return ok();
    }

    std::uint16_t port() const { return port_; }

    void drain(MonoTime deadline) {
        state_->set_draining();
        reactors_.front()->post([this] { close_listeners(); });
        for (const auto& reactor : reactors_) reactor->drain();
        if (state_->wait_for_no_connections(deadline)) return;
        log_warning("connections are cut off: they did not end within the drain timeout");
    }

    void stop() {
        state_->set_draining();
        reactors_.front()->post([this] { close_listeners(); });
        for (const auto& reactor : reactors_) reactor->stop();
    }

 private:
    // One listening address.
    struct Listener {
        explicit Listener(net::io_context& loop) : acceptor(loop), backoff(loop) {}

        tcp::acceptor acceptor;
        net::steady_timer backoff;
        bool is_short = false;  // Out of resources since the last accept.
    };

    // A name may resolve to addresses that this machine lacks; one that it has is enough.
    Status listen() {
        TRY(const auto addresses, addresses_of(reactors_.front()->loop(), state_->options().host));
        port_ = state_->options().port;
        NetError missing;
        for (const auto& address : addresses) {
            const auto error = listen_on(address);
            if (!error) continue;
            if (error != boost::system::errc::address_not_available &&
                error != boost::system::errc::address_family_not_supported) {
                return cannot_listen(error);
            }
            missing = error;
        }
        return listeners_.empty() ? Status(cannot_listen(missing)) : ok();
    }

    NetError listen_on(const net::ip::address& address) {
        auto listener = std::make_unique<Listener>(reactors_.front()->loop());
        auto& acceptor = listener->acceptor;
        const tcp::endpoint endpoint(address, port_);
        NetError error;
        acceptor.open(endpoint.protocol(), error);
        // Otherwise a restart would have to wait for the TIME_WAIT of old connections.
        if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
        // "::" serves IPv4 too, whatever the system's default is.
        if (!error && address.is_v6()) acceptor.set_option(net::ip::v6_only(false), error);
        if (!error) acceptor.bind(endpoint, error);
        if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
        if (error) return error;
        port_ = acceptor.local_endpoint().port();
        listeners_.push_back(std::move(listener));
        return {};
    }

    Error cannot_listen(NetError error) const {
        const auto& options = state_->options();
        const auto* const advice =
            error == net::error::address_in_use
                ? "another program listens there already: stop it, or choose another port with "
                  "gateway.port (0 takes a free one)"
            : error == net::error::access_denied
                ? "only root may use ports below 1024: choose another with gateway.port"
                : "choose another address with gateway.host, such as ::1 where there is no IPv4";
        return {ErrorCode::kUnavailable,
                fmt::format("cannot listen on {} port {}: {}; {}", options.host, options.port,
                            error.message(), advice)};
    }

    void accept(Listener& listener) {
        const auto reactor = reactors_[next_++ % reactors_.size()];
        listener.acceptor.async_accept(
            reactor->loop(), [this, reactor, &listener](NetError error, tcp::socket socket) {
                accepted(listener, reactor, error, std::move(socket));
            });
    }

    void accepted(Listener& listener, const std::shared_ptr<Reactor>& reactor, NetError error,
                  tcp::socket socket) {
        if (!listener.acceptor.is_open()) return;
        if (error == net::error::connection_aborted) return accept(listener);
        if (error) return pause(listener, error);
        listener.is_short = false;
        // A connection beyond the limit is closed by going out of scope.
        if (state_->connection_opened()) reactor->adopt(std::move(socket));
        accept(listener);
    }

    // Waits when files or memory are exhausted; an immediate retry would spin.
    void pause(Listener& listener, NetError error) {
        if (!std::exchange(listener.is_short, true)) {
            log_warning("cannot accept connections; trying again", {{"error", error.message()}});
        }
        listener.backoff.expires_after(kAcceptBackoff);
        listener.backoff.async_wait([this, &listener](NetError cancelled) {
            if (!cancelled && listener.acceptor.is_open()) accept(listener);
        });
    }

    void close_listeners() {
        for (const auto& listener : listeners_) {
            NetError ignored;
            listener->acceptor.close(ignored);
            listener->backoff.cancel();
        }
    }

    const std::shared_ptr<ServerState> state_;
    std::vector<std::shared_ptr<Reactor>> reactors_;
    std::uint16_t port_ = 0;

    // Only the first reactor's thread:
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::size_t next_ = 0;
};

HttpServer::HttpServer(ServerOptions options, std::shared_ptr<Application> application)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(application))) {}

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

}  // namespace millrace::server
