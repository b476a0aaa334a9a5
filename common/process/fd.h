// A file descriptor that closes itself, and factories for descriptors used to talk to children.
//
// Threads: one caller at a time.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/result.h"

namespace millrace::process {

class Fd {
 public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

 private:
    int fd_ = -1;
};

struct Pipe {
    Fd read_end;
    Fd write_end;
};

// Both ends are close-on-exec.
inline Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return Error{ErrorCode::kUnavailable, std::string("pipe: ") + std::strerror(errno)};
    }
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// Two connected stream sockets, close-on-exec: what is written to one can be read from the other.
inline Result<std::pair<Fd, Fd>> make_socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return Error{ErrorCode::kUnavailable, std::string("socketpair: ") + std::strerror(errno)};
    }
    return std::pair{Fd(ends[0]), Fd(ends[1])};
}

// An eventfd that interrupts a poll(); close-on-exec and non-blocking.
inline Result<Fd> make_wake_event() {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (event.valid()) return event;
    return Error{ErrorCode::kUnavailable, std::string("eventfd: ") + std::strerror(errno)};
}

}  // namespace millrace::process
