#include "tests/support/fake_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <optional>

#include "common/base/check.h"

namespace millrace::test {
namespace {

// Returns a socket that listens on the port; if `port` is 0, on a free one, which it then stores
// there.
int listen_on(int& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const int on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    CHECK(bind(fd, generic, size) == 0);
    CHECK(listen(fd, 128) == 0);
    CHECK(getsockname(fd, generic, &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string header_of(const std::string& head, const std::string& name) {
    const auto at = lower(head).find("\r\n" + name + ":");
    if (at == std::string::npos) return {};
    const auto begin = head.find_first_not_of(' ', at + name.size() + 3);
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

ssize_t receive(int fd, SSL* tls, char* buffer, std::size_t size) {
    return tls == nullptr ? recv(fd, buffer, size, 0)
                          : SSL_read(tls, buffer, static_cast<int>(size));
}

// Reads one request; nothing if the client has closed the connection.
std::optional<Exchange> read_request(int fd, SSL* tls) {
    std::string bytes;
    std::size_t head_end = std::string::npos;
    std::size_t whole = 0;
    char buffer[4096];
    while (head_end == std::string::npos || bytes.size() < whole) {
        const auto size = receive(fd, tls, buffer, sizeof buffer);
        if (size <= 0) return std::nullopt;
        bytes.append(buffer, static_cast<std::size_t>(size));
        if (head_end != std::string::npos) continue;
        head_end = bytes.find("\r\n\r\n");
        if (head_end == std::string::npos) continue;
        const auto length = header_of(bytes.substr(0, head_end + 2), "content-length");
        whole = head_end + 4 + (length.empty() ? 0 : std::stoul(length));
    }
    return Exchange(fd, tls, bytes.substr(0, head_end + 2), bytes.substr(head_end + 4));
}

}  // namespace

std::string Exchange::target() const {
    return head_.substr(0, head_.find(" HTTP/"));
}

std::string Exchange::header(const std::string& name) const {
    return header_of(head_, name);
}

void Exchange::send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const auto left = bytes.size() - sent;
        const auto size = tls_ == nullptr
                              ? ::send(fd_, bytes.data() + sent, left, MSG_NOSIGNAL)
                              : SSL_write(tls_, bytes.data() + sent, static_cast<int>(left));
        if (size <= 0) return close();
        sent += static_cast<std::size_t>(size);
    }
}

void Exchange::reply(int status, const std::string& content_type, const std::string& body,
                     const std::string& headers) {
    send(fmt::format("HTTP/1.1 {} x\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", status,
                     content_type, body.size(), headers, body));
}

void Exchange::begin_stream() {
    send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
}

void Exchange::event(const std::string& data) {
    stream_bytes("data: " + data + "\n\n");
}

void Exchange::stream_bytes(const std::string& bytes) {
    send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
}

void Exchange::end_stream() {
    send("0\r\n\r\n");
}

bool Exchange::wait_for_close() {
    close();
    const timeval patience{.tv_sec = 50, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 0;
    const auto size = recv(fd_, &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
}

FakeServer::FakeServer(Handler handler, FakeServerOptions options)
    : handler_(std::move(handler)), options_(std::move(options)), port_(options_.port) {
    listener_ = listen_on(port_);
    // OpenSSL may write to a connection that the client has closed.
    if (options_.identity != nullptr) std::signal(SIGPIPE, SIG_IGN);
    acceptor_ = runtime::Thread("fake-server", [this](const std::stop_token&) { accept_all(); });
}

FakeServer::~FakeServer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    // Before the connections: a client whose connection ends must find nobody at the port.
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    servers_.clear();
    ::close(listener_);
}

std::string FakeServer::url() const {
    const auto* scheme = options_.identity == nullptr ? "http" : "https";
    return fmt::format("{}://127.0.0.1:{}", scheme, port_);
}

int FakeServer::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

int FakeServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void FakeServer::accept_all() {
    while (true) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (fd < 0 || stopping_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        // Sends events at once, instead of when the client has acknowledged the previous one.
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ++connections_;
        open_.insert(fd);
        servers_.emplace_back("fake-connection", [this, fd](const std::stop_token&) { serve(fd); });
    }
}

void FakeServer::serve(int fd) {
    std::unique_ptr<SSL, decltype(&SSL_free)> tls(nullptr, &SSL_free);
    if (options_.identity != nullptr) {
        tls.reset(SSL_new(options_.identity->context()));
        SSL_set_fd(tls.get(), fd);
        // A client that does not trust the certificate disconnects; the first read notices.
        SSL_accept(tls.get());
    }
    while (auto exchange = read_request(fd, tls.get())) {
        {
            const std::lock_guard lock(mutex_);
            ++requests_;
        }
        handler_(*exchange);
        if (exchange->closed()) break;
    }
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
    ::close(fd);
}

int unused_port() {
    int port = 0;
    ::close(listen_on(port));
    return port;
}

}  // namespace millrace::test
