#include "common/embedded/kafka_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "common/process/fd.h"

namespace millrace::embedded {
namespace {

using process::Fd;

Fd connect_to(int port) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fd;
    const timeval second{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fd.reset();
    }
    return fd;
}

}  // namespace

bool kafka_coordinator_ready(int port) {
    const Fd fd = connect_to(port);
    if (!fd.valid()) return false;

    // FindCoordinator version 0: length, api key 10, version 0, correlation id, no client id, and
    // the group's name.
    using namespace std::string_view_literals;
    constexpr auto kRequest = "\0\0\0\x0f\0\x0a\0\0\0\0\0\x01\xff\xff\0\x03mrp"sv;
    if (::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(kRequest.size())) {
        return false;
    }
    // Length, correlation id, error code.
    std::array<std::uint8_t, 10> answer{};
    if (::recv(fd.get(), answer.data(), answer.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(answer.size())) {
        return false;
    }
    return answer[8] == 0 && answer[9] == 0;
}

}  // namespace millrace::embedded
