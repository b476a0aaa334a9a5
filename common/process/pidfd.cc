#include "common/process/pidfd.h"

#include <poll.h>

#include <algorithm>

// glibc 2.36 fails to declare these as C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace millrace::process {

using std::chrono::milliseconds;

Fd open_pidfd(pid_t pid) {
    return Fd(::pidfd_open(pid, 0));
}

bool send_signal(const Fd& pidfd, int signal) {
    return ::pidfd_send_signal(pidfd.get(), signal, nullptr, 0) == 0;
}

bool wait_for_end(const Fd& pidfd, milliseconds timeout) {
    using SteadyClock = std::chrono::steady_clock;
    const auto deadline = SteadyClock::now() + timeout;
    pollfd watched{pidfd.get(), POLLIN, 0};
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
        const int ready =
            ::poll(&watched, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
        if (ready >= 0) return ready > 0;
    }
}

}  // namespace millrace::process
