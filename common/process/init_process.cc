#include "common/process/init_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace millrace::process {
namespace {

constexpr int kSignalled = 128;  // As shells report it.

// The exit code of `child` once it has ended; -1 while it runs.
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
    // If the parent ignored SIGCHLD, the ends of children would go unnoticed.
    std::signal(SIGCHLD, SIG_DFL);
    const pid_t child = ::fork();
    if (child <= 0) {
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        return body();  // If fork failed, this process runs the body itself.
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
        // This descriptor is the lowest that is free, so open() returns it.
        // Results on standard output must not get lost unnoticed.
        const int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;
        [[maybe_unused]] const int opened = ::open("/dev/null", flags);
    }
}

}  // namespace millrace::process
