#include "common/process/init_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace millrace::process {
namespace {

constexpr int kSignalled = 128;  // As shells count.

// The code of `child` once it has ended; -1 while it runs.
int reap(pid_t child) {
    int code = -1;
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != child) continue;
        code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
    }
    return code;
}

}  // namespace

int run_as_init(const std::function<int()>& body) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    // Where a parent had it ignored, children would end without a word.
    std::signal(SIGCHLD, SIG_DFL);
    const pid_t child = ::fork();
    if (child <= 0) {
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        return body();  // Where there can be no child, it does without.
    }
    while (true) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        if (signal == SIGCHLD) {
            if (const int code = reap(child); code >= 0) return code;
        } else if (signal > 0 && info.si_code <= 0) {
            ::kill(child, signal);
        }
    }
}

void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) != -1) continue;
        // The lowest that is free is this one.
        [[maybe_unused]] const int opened = ::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
    }
}

}  // namespace millrace::process
