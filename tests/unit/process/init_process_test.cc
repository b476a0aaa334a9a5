// The duties of process 1, in a process that reaps orphans as process 1 does.
#include "common/process/init_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

namespace millrace::process {
namespace {

// Runs run_as_init in a child of the test; returns its exit code.
int code_of(const std::function<int()>& body) {
    const pid_t init = ::fork();
    if (init == 0) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::_exit(run_as_init(body));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(init, &status, 0), init);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(RunAsInit, EndsAsItsBodyDoes) {
    EXPECT_EQ(code_of([] { return 0; }), 0);
    EXPECT_EQ(code_of([] { return 7; }), 7);
    EXPECT_EQ(code_of([] {
                  ::raise(SIGKILL);
                  return 0;
              }),
              128 + SIGKILL);
}

// Parents like `nohup` and some container runtimes do this.
TEST(RunAsInit, EndsEvenIfItsParentIgnoredTheEndOfChildren) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGCHLD, SIG_IGN);
        ::_exit(run_as_init([] { return 7; }));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

TEST(RunAsInit, PassesSignalsOn) {
    EXPECT_EQ(code_of([] {
                  sigset_t set;
                  sigemptyset(&set);
                  sigaddset(&set, SIGTERM);
                  ::sigprocmask(SIG_BLOCK, &set, nullptr);
                  ::kill(::getppid(), SIGTERM);
                  int signal = 0;
                  ::sigwait(&set, &signal);
                  return signal;
              }),
              SIGTERM);
}

TEST(RunAsInit, ReapsOrphans) {
    EXPECT_EQ(code_of([] {
                  int ends[2];
                  if (::pipe(ends) != 0) return 1;
                  const pid_t parent = ::fork();
                  if (parent == 0) {
                      const pid_t orphan = ::fork();
                      if (orphan == 0) ::_exit(0);
                      [[maybe_unused]] const auto n = ::write(ends[1], &orphan, sizeof orphan);
                      ::_exit(0);
                  }
                  pid_t orphan = 0;
                  if (::read(ends[0], &orphan, sizeof orphan) != sizeof orphan) return 2;
                  ::waitpid(parent, nullptr, 0);
                  // Wait until it is gone, not merely a zombie, which could still be sent a signal.
                  while (::kill(orphan, 0) == 0) ::sched_yield();
                  return 0;
              }),
              0);
}

TEST(OpenStandardDescriptors, OpensThoseThatAreClosed) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (const int fd : {0, 1, 2}) ::close(fd);
        open_standard_descriptors();
        for (const int fd : {0, 1, 2}) {
            if (::fcntl(fd, F_GETFD) == -1) ::_exit(1);
        }
        if (::write(1, "x", 1) != -1 || ::write(2, "x", 1) != 1) ::_exit(2);
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace millrace::process
