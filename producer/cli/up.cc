#include "producer/cli/up.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/runtime/signals.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/live_status.h"
#include "producer/cli/stack.h"
#include "producer/cli/supervisor.h"
#include "worker/backends/gguf.h"

namespace millrace::cli {
namespace {

constexpr milliseconds kWatchInterval{200};

// One stack at a time on a directory: held by a lock that dies with this process.
class DirectoryLock {
 public:
    static Result<DirectoryLock> take(const std::filesystem::path& directory) {
        std::error_code failure;
        std::filesystem::create_directories(directory, failure);
        const auto path = directory / "up.lock";
        const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("cannot write to {}: {}. Name another directory with --data.",
                                     directory.string(), std::strerror(errno))};
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            close(fd);
            return Error{ErrorCode::kAlreadyExists,
                         fmt::format("another `millrace up` runs on {}. Stop it, or name another "
                                     "directory with --data.",
                                     directory.string())};
        }
        return DirectoryLock(fd);
    }

    DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    ~DirectoryLock() {
        if (fd_ >= 0) close(fd_);
    }

 private:
    explicit DirectoryLock(int fd) : fd_(fd) {}

    int fd_;
};

Status check(const UpOptions& options) {
    for (const auto& model : options.models) TRY_STATUS(worker::check_gguf(model));
    if (options.process.find(',') != std::string::npos) {
        return Error{ErrorCode::kInvalidArgument,
                     "--process takes a program and its arguments, separated by spaces and without "
                     "commas; for anything else, name a script"};
    }
    for (const auto& setting : options.settings) {
        if (setting.find('=') == std::string::npos || setting.starts_with('=')) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("--set takes name=value, not '{}'", setting)};
        }
    }
    return ok();
}

void say_hello(const UpOptions& options, const Stack& stack, LiveStatus& status) {
    status.say(fmt::format("Millrace is up at {}", stack.url()));
    status.say(fmt::format("  try: millrace --url {} submit --wait hello", stack.url()));
    if (options.models.empty() && options.backend_urls.empty() && options.process.empty()) {
        status.say(
            "  only the synthetic model is served; --model FILE.gguf, --backend-url URL or "
            "--process \"python3 FILE.py\" serves a real one");
    }
    status.say("  Ctrl-C stops all of it");
}

}  // namespace

std::string default_data_directory() {
    if (geteuid() == 0) return "/var/lib/millrace";
    if (const char* data = std::getenv("XDG_DATA_HOME")) return fmt::format("{}/millrace", data);
    const char* home = std::getenv("HOME");
    return fmt::format("{}/.local/share/millrace", home != nullptr ? home : ".");
}

int run_up(const UpOptions& options) {
    runtime::Signals signals;
    if (const auto fine = check(options); !fine.has_value()) return fail(fine.error());
    const auto data =
        std::filesystem::absolute(options.data.empty() ? default_data_directory() : options.data);
    const auto lock = DirectoryLock::take(data);
    if (!lock.has_value()) return fail(lock.error());

    Stack stack(options, data);
    LiveStatus status(system_clock());
    Supervisor supervisor(system_clock(), [&](const std::string& line) { status.say(line); });
    status.say(fmt::format("starting PostgreSQL, {}, the gateway and {} worker(s) on {}",
                           options.kafka ? "Apache Kafka" : "the in-memory broker", options.workers,
                           data.string()));
    const auto started = stack.start(supervisor);
    if (!started.has_value()) {
        supervisor.stop_all();
        return fail(started.error());
    }
    say_hello(options, stack, status);
    status.follow(stack.url());

    while (!signals.wait(system_clock().now() + kWatchInterval)) {
        supervisor.watch();
        status.refresh();
    }
    status.finish();
    status.say("stopping");
    supervisor.stop_all();
    status.say("stopped; jobs and results are kept in " + data.string());
    return kOk;
}

}  // namespace millrace::cli
