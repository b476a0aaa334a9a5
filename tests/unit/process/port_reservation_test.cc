#include "common/process/port_reservation.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "common/process/listeners.h"

namespace millrace::process {
namespace {

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

// Returns a listening socket as servers make it, or -1.
int listen_on(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(fd, 1) == 0) {
        return fd;
    }
    ::close(fd);
    return -1;
}

TEST(PortReservation, AServerCanListenOnItAgainAndAgain) {
    const auto reservation = PortReservation::any().value();
    for (int run = 0; run < 3; ++run) {
        const int server = listen_on(reservation.port());
        ASSERT_GE(server, 0);
        ::close(server);
    }
}

TEST(PortReservation, NobodyElseIsGivenThePort) {
    std::set<int> ports;
    std::vector<PortReservation> reservations;
    for (int i = 0; i < 200; ++i) {
        reservations.push_back(PortReservation::any().value());
        EXPECT_TRUE(ports.insert(reservations.back().port()).second);
    }
}

TEST(PortReservation, RefusesAPortThatSomebodyListensOn) {
    const auto any = PortReservation::any().value();
    const int server = listen_on(any.port());
    ASSERT_GE(server, 0);
    const auto taken = PortReservation::at("127.0.0.1", any.port());
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, ErrorCode::kAlreadyExists);
    const auto found = listeners(any.port());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, ::getpid());
    EXPECT_EQ(found[0].parent, ::getppid());
    EXPECT_EQ(found[0].command, "process_test");
    ::close(server);
    EXPECT_TRUE(listeners(any.port()).empty());
    EXPECT_TRUE(PortReservation::at("127.0.0.1", any.port()).has_value());
}

TEST(PortReservation, RefusesAddressesOfOtherMachines) {
    for (const auto* address : {"192.0.2.1", "no address", "2001:db8::1"}) {
        const auto refused = PortReservation::at(address, 1);
        ASSERT_FALSE(refused.has_value()) << address;
        EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << address;
    }
}

TEST(PortReservation, ConnectingWithoutAServerIsRefused) {
    const auto reservation = PortReservation::any().value();
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(reservation.port());
    EXPECT_NE(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(errno, ECONNREFUSED);
    ::close(client);
}

}  // namespace
}  // namespace millrace::process
