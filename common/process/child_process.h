// A child process that cannot outlive its owner: the destructor ends it, and so does the kernel
// (PR_SET_PDEATHSIG) when the owner's whole process dies.
//
// Each child runs in its own process group, so that Ctrl-C on the terminal reaches only the parent,
// which then stops its children in order. A child inherits only the three standard descriptors and
// its channel, if it has one.
//
// Threads:   one caller at a time; `send` may be called from any thread while the object lives.
//            Lines are delivered on a thread that belongs to the child.
// Owns:      the process. Destroying a running child kills it with SIGKILL.
// Errors:    kNotFound: no such program; kUnavailable: it could not be started.
// Blocks:    wait and terminate, up to their argument; terminate, kill and the destructor also
//            until the kernel has reaped the child.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/process/program.h"

namespace millrace::process {

struct ChildOptions {
    std::vector<std::string> argv;           // argv[0] is a path, or a name to find on PATH.
    std::map<std::string, std::string> env;  // Added to this process's environment …
    bool inherit_env = true;                 // … or, if false, the child's whole environment.
    std::filesystem::path directory;         // Working directory; empty: the parent's.
    std::optional<User> user;                // The user that it runs as; only root may set it.
    std::vector<int> processors;             // Where it may run; each <= 1023; empty: unchanged.
    // Standard output and error are appended to this file, which is created for its owner alone.
    std::filesystem::path output_file;
    // Called for each line of standard output and error, without its line end; lines longer than
    // kLineBytesMax come in pieces. With neither this nor output_file, the child inherits both.
    std::function<void(std::string_view line)> on_line;
    int channel = -1;            // Becomes the child's descriptor 3. Borrowed; -1: none.
    bool hold_stdin = false;     // Standard input stays open until the object dies; else /dev/null.
    int death_signal = SIGTERM;  // What the kernel sends when this process dies.
};

inline constexpr std::size_t kLineBytesMax = 8192;

struct ExitStatus {
    int code = 0;    // Meaningful when signal is 0.
    int signal = 0;  // The signal that killed it, or 0.

    bool ok() const { return code == 0 && signal == 0; }
    std::string str() const;  // "exit code 3", "signal 9 (Killed)"
};

class ChildProcess {
 public:
    // Returns only after the program has replaced the forked process (execve succeeded).
    static Result<ChildProcess> start(ChildOptions options);

    ChildProcess(ChildProcess&&) noexcept;
    ChildProcess& operator=(ChildProcess&&) noexcept;
    ~ChildProcess();

    pid_t pid() const;
    // Becomes readable, for poll(), when the child ends. Owned by this object.
    int end_fd() const;
    bool running();
    // Sends a signal; does nothing if the child has ended. Never hits a reused process id.
    void send(int signal) const;
    // As send(), but to everything left in the child's process group, including what it started
    // itself.
    void send_to_group(int signal) const;
    // The exit status, or nothing if the child still runs after `timeout`. All lines that it wrote
    // have been delivered before a status is returned.
    std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);
    // Sends SIGTERM, then SIGKILL if the child still runs after `grace`.
    ExitStatus terminate(std::chrono::milliseconds grace);
    ExitStatus kill();

 private:
    struct State;
    explicit ChildProcess(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

// Runs a program to its end and returns its output (the last 64 KiB). An exit status other than 0
// is kUnavailable, with the output in the message. If the program still runs after `timeout`, it is
// killed: kDeadlineExceeded. If a stop is requested, it is stopped: kCancelled. `on_line` and
// `output_file` must be unset.
Result<std::string> run_to_end(ChildOptions options, std::chrono::milliseconds timeout,
                               const std::stop_token& stop = {});

// Waits for the end of a process that need not be our child; true once it is gone.
bool wait_until_gone(pid_t pid, std::chrono::milliseconds timeout);

// How often a wait checks whether to give up.
inline constexpr std::chrono::milliseconds kStopPoll{20};

}  // namespace millrace::process
