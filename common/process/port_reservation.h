// A TCP port, on 127.0.0.1 unless another address is given, that no one else gets while it is
// reserved.
//
// A socket that is bound with SO_REUSEADDR and does not listen holds it. A server that also sets
// SO_REUSEADDR (Java, Asio and most others do) can bind over it, again and again, but the kernel
// does not give the port to anyone who asks for "any". Connections are refused while no server
// listens.
//
// Threads: immutable.
#pragma once

#include <string>

#include "common/base/result.h"

namespace millrace::process {

class PortReservation {
 public:
    // Reserves any free port. Errors: kResourceExhausted if there is none.
    static Result<PortReservation> any();
    // Reserves this port of this address ("127.0.0.1", "::1", "0.0.0.0", "localhost").
    // Errors: kAlreadyExists if the port is taken; kInvalidArgument if this process may not use it
    // or the address is not one of this machine's.
    static Result<PortReservation> at(const std::string& address, int port);

    PortReservation(PortReservation&& other) noexcept;
    PortReservation& operator=(PortReservation&& other) noexcept;
    ~PortReservation();

    int port() const { return port_; }

 private:
    PortReservation(int fd, int port) : fd_(fd), port_(port) {}

    int fd_;
    int port_;
};

}  // namespace millrace::process
