#include "common/runtime/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>

#include "common/base/check.h"

namespace millrace::runtime {
namespace {

// A timeout for poll(2): -1 means no limit; rounded up so that the deadline has passed when poll
// returns.
int poll_timeout(MonoTime deadline) {
    if (deadline == kNoDeadline) return -1;
    const auto now = system_clock().now();
    if (deadline <= now) return 0;
    const auto left = std::chrono::ceil<milliseconds>(deadline - now).count();
    return static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
}

// Returns nothing at the deadline or when `wake_fd` becomes readable.
std::optional<Signal> take_signal(int signal_fd, int wake_fd, MonoTime deadline) {
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{signal_fd, POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
        const int ready = poll(fds.data(), fds.size(), poll_timeout(deadline));
        if (ready == 0 || fds[1].revents != 0) return std::nullopt;
        signalfd_siginfo info{};
        if (ready > 0 && read(signal_fd, &info, sizeof info) == sizeof info) {
            return info.ssi_signo == SIGHUP ? Signal::kReload : Signal::kStop;
        }
    }
}

}  // namespace

Signals::Signals(Reload reload) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (reload == Reload::kYes) sigaddset(&set, SIGHUP);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
    std::signal(SIGPIPE, SIG_IGN);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(signal_fd_ >= 0 && wake_fd_ >= 0);
}

Signals::~Signals() {
    CHECK(eventfd_write(wake_fd_, 1) == 0);
    thread_ = Thread();
    close(signal_fd_);
    close(wake_fd_);
}

std::optional<Signal> Signals::wait(MonoTime deadline) {
    return take_signal(signal_fd_, wake_fd_, deadline);
}

void Signals::on_next(std::function<void()> callback) {
    thread_ = Thread("signals", [this, callback = std::move(callback)](const std::stop_token&) {
        auto signal = std::optional(Signal::kReload);
        while (signal == Signal::kReload) {
            signal = take_signal(signal_fd_, wake_fd_, kNoDeadline);
        }
        if (signal) callback();
    });
}

}  // namespace millrace::runtime
