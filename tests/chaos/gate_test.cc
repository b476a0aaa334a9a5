#include "tests/chaos/gate.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "common/process/fd.h"
#include "common/process/temporary_directory.h"

namespace millrace::chaos {
namespace {

using process::Fd;

sockaddr_in address_of(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// Sends back what it reads, one connection after the other.
class EchoServer {
 public:
    EchoServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto address = address_of(0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_.get(), 16), 0);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] { serve(); });
    }
    ~EchoServer() { ::shutdown(listener_.get(), SHUT_RDWR); }

    int port() const { return port_; }

 private:
    void serve() const {
        while (true) {
            const Fd client(::accept(listener_.get(), nullptr, nullptr));
            if (!client.valid()) return;
            char buffer[4096];
            for (ssize_t n = 0; (n = ::recv(client.get(), buffer, sizeof buffer, 0)) > 0;) {
                ::send(client.get(), buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL);
            }
        }
    }

    Fd listener_;
    int port_ = 0;
    std::jthread thread_;
};

Fd connect_to(int port) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

// Returns what comes back; empty if the connection is closed or reset.
std::string receive(const Fd& fd, std::size_t size) {
    std::string text(size, '\0');
    const auto n = ::recv(fd.get(), text.data(), size, MSG_WAITALL);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

void send_text(const Fd& fd, std::string_view text) {
    ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

bool is_silent(const Fd& fd) {
    pollfd watched{fd.get(), POLLIN, 0};
    return ::poll(&watched, 1, 100) == 0;
}

TEST(Gate, ForwardsBothWaysUntilTheEnd) {
    const EchoServer server;
    const auto gate = Gate::on_free_port();
    gate->lead_to_port(server.port());
    const Fd client = connect_to(gate->port());
    const std::string text(300'000, 'x');
    std::jthread sender([&] { send_text(client, text); });
    EXPECT_EQ(receive(client, text.size()), text);
    sender.join();
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(receive(client, 1), "");
}

TEST(Gate, CutsOpenAndNewConnections) {
    const EchoServer server;
    const auto gate = Gate::on_free_port();
    gate->lead_to_port(server.port());
    const Fd old = connect_to(gate->port());
    send_text(old, "a");
    EXPECT_EQ(receive(old, 1), "a");
    gate->cut();
    EXPECT_EQ(receive(old, 1), "");
    EXPECT_EQ(receive(connect_to(gate->port()), 1), "");
    gate->open();
    const Fd next = connect_to(gate->port());
    send_text(next, "b");
    EXPECT_EQ(receive(next, 1), "b");
}

TEST(Gate, HoldsEverythingAndDeliversItLater) {
    const EchoServer server;
    const auto gate = Gate::on_free_port();
    gate->lead_to_port(server.port());
    const Fd client = connect_to(gate->port());
    send_text(client, "a");
    EXPECT_EQ(receive(client, 1), "a");
    gate->hold();
    send_text(client, "b");
    EXPECT_TRUE(is_silent(client));
    gate->open();
    EXPECT_EQ(receive(client, 1), "b");
}

TEST(Gate, DelaysButKeepsTheOrder) {
    const EchoServer server;
    const auto gate = Gate::on_free_port();
    gate->lead_to_port(server.port());
    const Fd client = connect_to(gate->port());
    gate->delay(std::chrono::milliseconds(30));
    const auto begin = std::chrono::steady_clock::now();
    send_text(client, "abc");
    EXPECT_EQ(receive(client, 3), "abc");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(60));
    // Delayed data do not wait once the delay is over.
    gate->delay(std::chrono::hours(1));
    send_text(client, "d");
    EXPECT_TRUE(is_silent(client));
    gate->open();
    EXPECT_EQ(receive(client, 1), "d");
}

TEST(Gate, ListensOnUnixSocketsToo) {
    const EchoServer server;
    const auto directory = process::TemporaryDirectory::make("millrace-gate-").value();
    const auto path = directory.path() / "socket";
    const auto inner = Gate::on_socket(path);
    inner->lead_to_port(server.port());
    const auto outer = Gate::on_free_port();
    outer->lead_to_socket(path);
    const Fd client = connect_to(outer->port());
    send_text(client, "a");
    EXPECT_EQ(receive(client, 1), "a");
}

TEST(Gate, ClosesAConnectionThatLeadsNowhere) {
    const auto gate = Gate::on_free_port();
    EXPECT_EQ(receive(connect_to(gate->port()), 1), "");
}

}  // namespace
}  // namespace millrace::chaos
