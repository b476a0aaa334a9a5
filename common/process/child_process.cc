#include "common/process/child_process.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/process/fd.h"
#include "common/process/output_reader.h"
#include "common/process/pidfd.h"
#include "common/process/spawn.h"

extern char** environ;

namespace millrace::process {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kCapturedBytesMax = 64 * 1024;
constexpr milliseconds kStopGrace{2000};  // For a program that cleans up.

std::vector<std::string> environment_of(const ChildOptions& options) {
    std::vector<std::string> result;
    for (char** entry = environ; options.inherit_env && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string name(text.substr(0, text.find('=')));
        if (!options.env.contains(name)) result.emplace_back(text);
    }
    for (const auto& [name, value] : options.env) {
        result.push_back(fmt::format("{}={}", name, value));
    }
    return result;
}

Error system_error(std::string_view what) {
    return {ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno))};
}

}  // namespace

std::string ExitStatus::str() const {
    if (signal != 0) return fmt::format("signal {} ({})", signal, ::strsignal(signal));
    return fmt::format("exit code {}", code);
}

struct ChildProcess::State {
    pid_t pid;
    Fd pidfd;
    Fd stdin_end;  // Held open for the child.
    std::unique_ptr<OutputReader> reader;
    std::optional<ExitStatus> status;
};

ChildProcess::ChildProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChildProcess::ChildProcess(ChildProcess&&) noexcept = default;

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        if (state_) kill();
        state_ = std::move(other.state_);
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    if (state_) kill();
}

Result<ChildProcess> ChildProcess::start(ChildOptions options) {
    CHECK(!options.argv.empty());
    const auto program = find_program(options.argv.front());
    if (!program) {
        return Error{
            ErrorCode::kNotFound,
            fmt::format("there is no program {}: it is neither an executable file nor on PATH",
                        options.argv.front())};
    }

    auto state = std::make_unique<State>();
    Fd input;
    if (options.hold_stdin) {
        TRY(Pipe pipe, make_pipe());
        input = std::move(pipe.read_end);
        state->stdin_end = std::move(pipe.write_end);
    } else {
        input = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!input.valid()) return system_error("/dev/null");
    }

    Pipe output;
    Fd wake;
    if (options.on_line) {
        TRY(output, make_pipe());
        TRY(wake, make_wake_event());
    } else if (!options.output_file.empty()) {
        constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
        output.write_end = Fd(::open(options.output_file.c_str(), kFlags, 0600));
        if (!output.write_end.valid()) return system_error(options.output_file.string());
    }

    auto env = environment_of(options);
    TRY(state->pid, spawn({.program = program->string(),
                           .argv = std::move(options.argv),
                           .env = std::move(env),
                           .directory = options.directory.string(),
                           .user = std::move(options.user),
                           .processors = std::move(options.processors),
                           .stdin_fd = input.get(),
                           .output_fd = output.write_end.get(),
                           .channel_fd = options.channel,
                           .death_signal = options.death_signal}));
    // Cannot fail for a child that is not reaped yet, unless descriptors run out.
    state->pidfd = open_pidfd(state->pid);
    if (!state->pidfd.valid()) {
        const Error error = system_error("pidfd_open");
        ::kill(state->pid, SIGKILL);
        ::waitpid(state->pid, nullptr, 0);
        return error;
    }
    if (options.on_line) {
        state->reader = std::make_unique<OutputReader>(std::move(output.read_end), std::move(wake),
                                                       std::move(options.on_line));
    }
    return ChildProcess(std::move(state));
}

pid_t ChildProcess::pid() const {
    return state_->pid;
}

int ChildProcess::end_fd() const {
    return state_->pidfd.get();
}

bool ChildProcess::running() {
    return !wait(milliseconds(0));
}

void ChildProcess::send(int signal) const {
    send_signal(state_->pidfd, signal);
}

void ChildProcess::send_to_group(int signal) const {
    send(signal);
    // The child is not reaped yet, so its process id, which is also the group's, belongs to no one
    // else.
    if (!state_->status) ::kill(-state_->pid, signal);
}

std::optional<ExitStatus> ChildProcess::wait(milliseconds timeout) {
    if (state_->status) return state_->status;

    if (!wait_for_end(state_->pidfd, timeout)) return std::nullopt;

    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(state_->pidfd.get()), &info, WEXITED) != 0) {
        CHECK(errno == EINTR);
    }
    const bool exited = info.si_code == CLD_EXITED;
    state_->status =
        ExitStatus{.code = exited ? info.si_status : 0, .signal = exited ? 0 : info.si_status};
    if (state_->reader) state_->reader->finish();
    return state_->status;
}

ExitStatus ChildProcess::terminate(milliseconds grace) {
    send(SIGTERM);
    if (const auto status = wait(grace)) return *status;
    return kill();
}

ExitStatus ChildProcess::kill() {
    send(SIGKILL);
    // Only the kernel bounds this: nothing survives SIGKILL, and a process in an uninterruptible
    // wait must not be left behind unreaped.
    while (true) {
        if (const auto status = wait(milliseconds(1000))) return *status;
    }
}

bool wait_until_gone(pid_t pid, milliseconds timeout) {
    const Fd pidfd = open_pidfd(pid);
    return !pidfd.valid() || wait_for_end(pidfd, timeout);
}

Result<std::string> run_to_end(ChildOptions options, milliseconds timeout,
                               const std::stop_token& stop) {
    CHECK(!options.on_line && options.output_file.empty());
    const std::string name = options.argv.empty() ? "" : options.argv.front();
    Mutex mutex;
    std::string output;
    options.on_line = [&](std::string_view line) {
        const MutexLock lock(mutex);
        output.append(line).push_back('\n');
        if (output.size() > kCapturedBytesMax) output.erase(0, output.size() - kCapturedBytesMax);
    };
    TRY(ChildProcess child, ChildProcess::start(std::move(options)));
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const auto is_over = [&] {
        return stop.stop_requested() || std::chrono::steady_clock::now() >= deadline;
    };
    auto status = child.wait(std::min(timeout, kStopPoll));
    while (!status && !is_over()) status = child.wait(kStopPoll);
    if (!status) {
        // The processes that it started end with it.
        if (stop.stop_requested()) {
            child.send_to_group(SIGTERM);
            child.wait(kStopGrace);
        }
        child.send_to_group(SIGKILL);
        child.kill();
        if (stop.stop_requested()) return Error{ErrorCode::kCancelled, name + " was stopped"};
        return Error{ErrorCode::kDeadlineExceeded,
                     fmt::format("{} did not end within {} ms: {}", name, timeout.count(), output)};
    }
    if (!status->ok()) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} failed with {}: {}", name, status->str(), output)};
    }
    return output;
}

}  // namespace millrace::process
