#include "worker/status/status_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/check.h"
#include "common/telemetry/telemetry.h"

namespace millrace::status {
namespace {

constexpr int kBacklog = 16;
constexpr milliseconds kAcceptRetry{100};

// A socket that is closed with its owner.
class Socket {
 public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket() {
        if (fd_ >= 0) close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

 private:
    int fd_;
};

// Returns false at the deadline.
bool wait_for(int fd, short events, MonoTime deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - system_clock().now()).count();
        if (left <= 0) return false;
        pollfd entry{fd, events, 0};
        const int ready = poll(&entry, 1, static_cast<int>(left));
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

// A request's header; nothing if it does not arrive in time or is too long.
std::optional<std::string> read_header(int fd, MonoTime deadline) {
    std::string header;
    std::array<char, 1024> buffer;
    while (header.size() < StatusServer::kRequestBytesMax && wait_for(fd, POLLIN, deadline)) {
        const auto count = recv(fd, buffer.data(), buffer.size(), 0);
        if (count <= 0) return std::nullopt;
        header.append(buffer.data(), static_cast<std::size_t>(count));
        if (header.find("\r\n\r\n") != std::string::npos) return header;
    }
    return std::nullopt;
}

void write_all(int fd, std::string_view bytes, MonoTime deadline) {
    while (!bytes.empty() && wait_for(fd, POLLOUT, deadline)) {
        const auto count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string respond(std::string_view status, std::string_view type, std::string_view body) {
    return fmt::format(
        "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}",
        status, type, body.size(), body);
}

std::string answer(std::string_view header) {
    constexpr std::string_view kText = "text/plain; charset=utf-8";
    const auto line = header.substr(0, header.find("\r\n"));
    if (line.starts_with("GET /metrics ")) {
        return respond("200 OK", telemetry::kContentType, telemetry::render());
    }
    if (line.starts_with("GET /healthz ")) return respond("200 OK", kText, "ok\n");
    return respond("404 Not Found", kText, "Only GET /metrics and GET /healthz exist.\n");
}

std::uint16_t port_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    return ntohs(address.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
}

// A listening socket, or the reason why there is none.
Result<int> listen_at(const std::string& host, std::uint16_t port) {
    const addrinfo hints{.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
        code != 0) {
        return Error{ErrorCode::kUnavailable, gai_strerror(code)};
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
    Socket listener(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 ||
        listen(listener.get(), kBacklog) != 0) {
        return Error{ErrorCode::kUnavailable, std::strerror(errno)};
    }
    return listener.release();
}

}  // namespace

Result<std::unique_ptr<StatusServer>> StatusServer::start(const std::string& host,
                                                          std::uint16_t port) {
    const auto listener = listen_at(host, port);
    if (!listener) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("cannot listen on {}:{} (worker.host, worker.port): {}", host,
                                 port, listener.error().message)};
    }
    const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(wake >= 0);
    return std::unique_ptr<StatusServer>(new StatusServer(*listener, wake));
}

StatusServer::StatusServer(int listener, int wake)
    : listener_(listener), wake_(wake), port_(port_of(listener)) {
    thread_ = runtime::Thread("status", [this](const std::stop_token& stop) { serve(stop); });
}

StatusServer::~StatusServer() {
    thread_.request_stop();
    CHECK(eventfd_write(wake_, 1) == 0);
    thread_.join();
    close(listener_);
    close(wake_);
}

void StatusServer::serve(const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> entries{pollfd{listener_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
        if (poll(entries.data(), entries.size(), -1) <= 0 || entries[0].revents == 0) continue;
        const Socket client(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client.get() < 0) {
            // Probably out of descriptors. The client still waits, so poll() would return at once.
            wait_for(wake_, POLLIN, system_clock().now() + kAcceptRetry);
            continue;
        }
        const auto deadline = system_clock().now() + kClientTimeout;
        if (const auto header = read_header(client.get(), deadline)) {
            write_all(client.get(), answer(*header), deadline);
        }
    }
}

}  // namespace millrace::status
