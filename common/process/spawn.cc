#include "common/process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/mutex.h"
#include "common/process/fd.h"
#include "common/runtime/processors.h"
#include "common/runtime/thread.h"

namespace millrace::process {
namespace {

enum class Step { kGroup, kStdio, kDirectory, kUser, kProcessors, kDeathSignal, kChannel, kExec };

constexpr int kChannel = 3;  // The descriptor at which the child finds its channel.

const char* describe(Step step) {
    switch (step) {
        case Step::kGroup:
            return "setpgid";
        case Step::kStdio:
            return "dup2";
        case Step::kDirectory:
            return "chdir";
        case Step::kUser:
            return "setuid";
        case Step::kProcessors:
            return "sched_setaffinity (none of its processors exists)";
        case Step::kDeathSignal:
            return "prctl";
        case Step::kChannel:
            return "dup2 of the channel";
        case Step::kExec:
            return "execve";
    }
    return "";
}

struct Failure {
    Step step;
    int error;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
    result.push_back(nullptr);
    return result;
}

// Runs in the forked process. Returns the step that failed, with errno set.
Step become(const SpawnPlan& plan, pid_t parent, char* const* argv, char* const* env) {
    if (::setpgid(0, 0) != 0) return Step::kGroup;

    // execve resets handlers, but what is ignored or blocked here stays so.
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGQUIT, SIG_DFL);
    std::signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    if (::dup2(plan.stdin_fd, 0) < 0) return Step::kStdio;
    if (plan.output_fd >= 0) {
        if (::dup2(plan.output_fd, 1) < 0 || ::dup2(plan.output_fd, 2) < 0) return Step::kStdio;
    }
    if (plan.user) {
        if (::setgroups(0, nullptr) != 0 || ::setgid(plan.user->gid) != 0 ||
            ::setuid(plan.user->uid) != 0) {
            return Step::kUser;
        }
    }
    if (!plan.processors.empty() && !runtime::bind_thread(plan.processors)) {
        return Step::kProcessors;
    }
    if (!plan.directory.empty() && ::chdir(plan.directory.c_str()) != 0) return Step::kDirectory;

    // setuid clears the death signal, so it is set afterwards. The parent may have died before.
    if (::prctl(PR_SET_PDEATHSIG, plan.death_signal) != 0) return Step::kDeathSignal;
    if (::getppid() != parent) ::_exit(127);

    // An unrelated descriptor at that number is overwritten: all above the standard three are
    // closed anyway.
    unsigned first_closed = kChannel;
    if (plan.channel_fd >= 0) {
        if (plan.channel_fd == kChannel ? ::fcntl(kChannel, F_SETFD, 0) != 0
                                        : ::dup2(plan.channel_fd, kChannel) < 0) {
            return Step::kChannel;
        }
        ++first_closed;
    }
    ::close_range(first_closed, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(plan.program.c_str(), argv, env);
    return Step::kExec;
}

Result<pid_t> fork_and_exec(const SpawnPlan& plan) {
    TRY(Pipe report, make_pipe());
    const auto argv = pointers(plan.argv);
    const auto env = pointers(plan.env);
    const pid_t parent = ::getpid();

    const pid_t pid = ::fork();
    if (pid == 0) {
        // Above the descriptor that the channel takes.
        const int report_fd = ::fcntl(report.write_end.get(), F_DUPFD_CLOEXEC, kChannel + 1);
        const Step step = become(plan, parent, argv.data(), env.data());
        const Failure failure{step, errno};
        // If even this write fails, the parent sees exit code 127 from wait().
        [[maybe_unused]] const auto written = ::write(report_fd, &failure, sizeof failure);
        ::_exit(127);
    }
    if (pid < 0) {
        return Error{ErrorCode::kUnavailable, fmt::format("cannot start {}: fork failed: {}",
                                                          plan.program, std::strerror(errno))};
    }

    report.write_end.reset();
    Failure failure{};
    ssize_t size = 0;
    do {
        size = ::read(report.read_end.get(), &failure, sizeof failure);
    } while (size < 0 && errno == EINTR);
    // The pipe is close-on-exec: if it ends without a report, execve succeeded.
    if (size != sizeof failure) return pid;
    ::waitpid(pid, nullptr, 0);
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot start {}: {} failed: {}", plan.program, describe(failure.step),
                             std::strerror(failure.error))};
}

// The kernel sends the death signal when the *thread* that forked ends. So one thread that never
// ends forks all children, whichever thread asks for them.
class Spawner {
 public:
    static Spawner& instance() {
        static auto* spawner = new Spawner;  // Never destroyed: its thread ends with the process.
        return *spawner;
    }

    Result<pid_t> run(const SpawnPlan& plan) {
        const MutexLock one_at_a_time(call_mutex_);
        MutexLock lock(mutex_);
        plan_ = &plan;
        changed_.notify_all();
        changed_.wait(lock, [this]() REQUIRES(mutex_) { return result_.has_value(); });
        Result<pid_t> result = *std::move(result_);
        result_.reset();
        return result;
    }

 private:
    Spawner() : thread_("spawner", [this](const std::stop_token&) { serve(); }) {
        // If the parent ignored SIGCHLD, the exit codes of children would be lost.
        std::signal(SIGCHLD, SIG_DFL);
    }

    void serve() {
        MutexLock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this]() REQUIRES(mutex_) { return plan_ != nullptr; });
            result_ = fork_and_exec(*plan_);
            plan_ = nullptr;
            changed_.notify_all();
        }
    }

    Mutex call_mutex_;
    Mutex mutex_;
    Condition changed_;
    const SpawnPlan* plan_ GUARDED_BY(mutex_) = nullptr;
    std::optional<Result<pid_t>> result_ GUARDED_BY(mutex_);

    runtime::Thread thread_;
};

}  // namespace

Result<pid_t> spawn(const SpawnPlan& plan) {
    return Spawner::instance().run(plan);
}

}  // namespace millrace::process
