#include "worker/backends/process/channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace millrace::backends::process {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// Reads per call, so that a child that sends without end leaves time for the others.
constexpr int kReadsMax = 16;

}  // namespace

short Channel::events() const {
    return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
}

void Channel::send(std::string_view json) {
    append_frame(unsent_, json);
    flush();
}

void Channel::flush() {
    while (sent_ < unsent_.size()) {
        const auto size = ::send(socket_.get(), unsent_.data() + sent_, unsent_.size() - sent_,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) {
            sent_ += static_cast<std::size_t>(size);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            break;  // The reading side notices a child that is gone.
        }
    }
    unsent_.clear();
    sent_ = 0;
}

void Channel::close_sending() {
    unsent_.clear();
    sent_ = 0;
    ::shutdown(socket_.get(), SHUT_WR);
}

Status Channel::receive(const Handler& handle) {
    std::array<char, kReadBytes> buffer;
    for (int reads = 0; reads < kReadsMax; ++reads) {
        const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size == 0) return Error{ErrorCode::kUnavailable, "it closed its channel"};
        if (size < 0 && errno == EAGAIN) return ok();
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            return Error{ErrorCode::kUnavailable, fmt::format("recv: {}", std::strerror(errno))};
        }
        reader_.append({buffer.data(), static_cast<std::size_t>(size)});
        while (true) {
            TRY(const auto frame, reader_.next());
            if (!frame) break;
            TRY_STATUS(handle(*frame));
        }
    }
    return ok();
}

}  // namespace millrace::backends::process
