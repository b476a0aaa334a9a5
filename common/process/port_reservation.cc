#include "common/process/port_reservation.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/process/fd.h"

namespace millrace::process {

Result<PortReservation> PortReservation::any() {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int on = 1;
    if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) {
        return Error{ErrorCode::kResourceExhausted,
                     std::string("no free port on 127.0.0.1: ") + std::strerror(errno)};
    }
    return PortReservation(fd.release(), ntohs(address.sin_port));
}

Result<PortReservation> PortReservation::at(const std::string& address, int port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const auto service = std::to_string(port);
    const int code = ::getaddrinfo(address.c_str(), service.c_str(), &hints, &found);
    if (code != 0) {
        return Error{ErrorCode::kInvalidArgument, std::string(::gai_strerror(code))};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (fd.valid() && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0) {
        return PortReservation(fd.release(), port);
    }
    return Error{errno == EADDRINUSE ? ErrorCode::kAlreadyExists : ErrorCode::kInvalidArgument,
                 std::strerror(errno)};
}

PortReservation::PortReservation(PortReservation&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

PortReservation& PortReservation::operator=(PortReservation&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(port_, other.port_);
    return *this;
}

PortReservation::~PortReservation() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace millrace::process
