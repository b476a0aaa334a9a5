#include "producer/cli/up/control.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/base/clock.h"
#include "common/process/foreign_process.h"
#include "common/process/program.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/terminal.h"
#include "producer/cli/up/data_directory.h"

namespace millrace::cli::up {
namespace {

namespace fs = std::filesystem;

// Longer than a stack takes to stop, unless its drain timeouts were raised; then it continues to
// stop.
constexpr milliseconds kStopTimeout{120'000};

struct Part {
    std::string name;
    fs::path log;
};

int refuse(std::string message) {
    fail({ErrorCode::kInvalidArgument, std::move(message)});
    return kUsage;
}

// The parts that have logs, by the length of their names.
std::vector<Part> parts_of(const fs::path& data) {
    std::vector<Part> parts;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(data / "logs", error)) {
        if (entry.path().extension() != ".log") continue;
        parts.push_back({entry.path().stem().string(), entry.path()});
    }
    for (const auto& [name, log] :
         {Part{"postgres", data / "postgres.log"}, Part{"kafka", data / "kafka" / "kafka.log"}}) {
        if (fs::exists(log, error)) parts.push_back({name, log});
    }
    std::ranges::sort(parts, {}, [](const Part& part) {
        return std::pair(part.name.size(), part.name);  // worker-2 before worker-10.
    });
    return parts;
}

// Finds the process that holds the lock, even if the lock changes hands meanwhile.
Result<process::ForeignProcess> find_running(const std::string& data) {
    TRY(const auto path, data_directory(data));
    TRY(const auto running, find_running_up(path));
    if (running.pid == 0) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the `millrace up` that runs on {} is in another container or on "
                                 "another machine: run this command there",
                                 path.string())};
    }
    auto process = process::ForeignProcess::find(running.pid);
    TRY(const auto still, find_running_up(path));
    if (process && still.pid == running.pid) return *std::move(process);
    return Error{ErrorCode::kConflict,
                 fmt::format("another `millrace up` has just started on {}", path.string())};
}

int become_tail(const std::vector<std::string>& arguments) {
    const auto tail = process::find_program("tail");
    if (!tail) return refuse("the program tail is not on PATH");
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(tail->c_str(), argv.data());
    return refuse(fmt::format("cannot start {}: {}", tail->string(), std::strerror(errno)));
}

}  // namespace

int run_logs(const LogsOptions& options) {
    const auto data = data_directory(options.data);
    if (!data.has_value()) return refuse(data.error().message);
    const auto parts = parts_of(*data);
    if (parts.empty()) {
        return refuse(
            fmt::format("there are no logs in {}: `millrace up` has not run there. "
                        "--data names another directory.",
                        data->string()));
    }
    std::vector<std::string> arguments{"tail", "-n", std::to_string(options.lines)};
    if (options.follow) arguments.emplace_back("-F");
    arguments.emplace_back("--");
    const auto before = arguments.size();
    std::vector<std::string> names;
    for (const auto& [name, log] : parts) {
        names.push_back(name);
        const bool is_meant =
            options.part.empty() || name == options.part || name.starts_with(options.part + "-");
        if (is_meant) arguments.push_back(log.string());
    }
    if (arguments.size() > before) return become_tail(arguments);
    return refuse(
        fmt::format("there is no part {}; the parts are {}", options.part, fmt::join(names, ", ")));
}

int run_down(const std::string& data) {
    const auto running = find_running(data);
    if (!running.has_value()) return refuse(running.error().message);
    const auto sent = running->send(SIGTERM);
    if (!sent.has_value() && sent.error().code != ErrorCode::kNotFound) return fail(sent.error());
    if (running->wait_until_gone(kStopTimeout)) return kOk;
    fail({ErrorCode::kDeadlineExceeded, fmt::format("process {} still runs after {} s",
                                                    running->pid(), kStopTimeout.count() / 1000)});
    return kTimedOut;
}

int run_reload(const std::string& data) {
    const auto running = find_running(data);
    if (!running.has_value()) return refuse(running.error().message);
    const auto sent = running->send(SIGHUP);
    if (!sent.has_value()) return fail(sent.error());
    note("asked `millrace up` to reload; its output shows when each worker has done so");
    return kOk;
}

}  // namespace millrace::cli::up
