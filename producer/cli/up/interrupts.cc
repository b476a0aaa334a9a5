#include "producer/cli/up/interrupts.h"

#include <fcntl.h>

#include <csignal>
#include <cstdlib>

#include "common/process/fd.h"

namespace millrace::cli::up {
namespace {

constexpr milliseconds kPoll{100};

// /dev/tty opens only while there is a controlling terminal.
bool has_terminal() {
    return process::Fd(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)).valid();
}

// nohup ignores SIGHUP, and the programs would inherit that: nothing could reload them. So it gets
// its default action; Signals blocks it, so that it does not end this process.
bool takes_hang_ups() {
    return std::signal(SIGHUP, SIG_DFL) != SIG_IGN;
}

}  // namespace

Interrupts::Interrupts()
    : signals_(runtime::Signals::Reload::kYes),
      ends_with_terminal_(takes_hang_ups() && has_terminal()) {
    thread_ = runtime::Thread("interrupts", [this](const std::stop_token& token) {
        while (!token.stop_requested()) {
            if (const auto signal = signals_.wait(system_clock().now() + kPoll)) handle(*signal);
        }
    });
}

void Interrupts::handle(runtime::Signal signal) {
    if (signal == runtime::Signal::kReload && (!ends_with_terminal_ || has_terminal())) {
        reload_ = true;
    } else if (!stop_.request_stop() && !hurry_.request_stop()) {
        std::_Exit(EXIT_FAILURE);
    }
    const MutexLock lock(mutex_);
    ++count_;
    asked_.notify_all();
}

void Interrupts::wait(milliseconds time) {
    MutexLock lock(mutex_);
    const auto is_news = [this, before = count_]() REQUIRES(mutex_) { return count_ != before; };
    asked_.wait_until(lock, system_clock().now() + time, is_news);
}

}  // namespace millrace::cli::up
