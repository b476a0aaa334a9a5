// A TCP port, of 127.0.0.1 unless told otherwise, that nobody else is given while it is reserved.
//
// Held by a socket that is bound with SO_REUSEADDR and does not listen: a server that also sets
// SO_REUSEADDR (Java, Asio and most others do) can bind over it, again and again, while the kernel
// gives the port to no one who asks for "any". Connecting while no server listens is refused.
//
// Threads: immutable.
#pragma once

#include <string>

#include "common/base/result.h"

namespace millrace::process {

class PortReservation {
 public:
    // Any free port. Errors: kResourceExhausted when there is none.
    static Result<PortReservation> any();
    // This port of this address ("127.0.0.1", "::1", "0.0.0.0", "localhost").
    // Errors: kAlreadyExists when somebody has it, kInvalidArgument when this process may not or it
    // is no address of this machine.
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
