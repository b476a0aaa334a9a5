// A child process that cannot outlive its owner: ended by the destructor, and by the kernel
// (PR_SET_PDEATHSIG) when this whole process dies.
//
// Children run in a process group of their own, so that Ctrl-C on the terminal reaches only the
// parent, which then stops them in its order. They inherit no file descriptor but the standard
// three, and the one that is given to them.
//
// Threads:   one caller at a time; `send` may be called from any thread while the object lives.
//            Lines are delivered on a thread of the child's own.
// Owns:      the process. Destroying a running child kills it with SIGKILL.
// Errors:    kNotFound: no such program; kUnavailable: it could not be started.
// Blocks:    wait, terminate: as long as told. The destructor until the kernel has reaped the
// child.
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
    bool inherit_env = true;                 // … or, when false, all of the child's.
    std::filesystem::path directory;         // Working directory; empty: the parent's.
    std::optional<User> user;                // Who it runs as; only root may set it.
    std::vector<int> processors;             // That it may run on, at most 1023; empty: unchanged.
    std::filesystem::path output_file;       // Standard output and error are appended there; made
                                             // for its owner alone.
    // Called for each line of standard output and error, without its end; lines longer than
    // kLineBytesMax come in pieces. With neither this nor output_file, both are inherited.
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
    // Returns when the program has replaced the forked process (execve succeeded), not before.
    static Result<ChildProcess> start(ChildOptions options);

    ChildProcess(ChildProcess&&) noexcept;
    ChildProcess& operator=(ChildProcess&&) noexcept;
    ~ChildProcess();

    pid_t pid() const;
    // Readable, for poll(), once the child has ended. Owned by the child.
    int end_fd() const;
    bool running();
    // Sends a signal; does nothing when the child has ended. Never hits a reused process id.
    void send(int signal) const;
    // As send(), to all that is left in the child's process group: also what it started itself.
    void send_to_group(int signal) const;
    // The exit status, or nothing if it still runs after `timeout`. All lines that the child wrote
    // have been delivered before a status is returned.
    std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);
    // SIGTERM, then SIGKILL if it still runs after `grace`.
    ExitStatus terminate(std::chrono::milliseconds grace);
    ExitStatus kill();

 private:
    struct State;
    explicit ChildProcess(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

// Runs a program to its end and returns what it wrote (the last 64 KiB of it). An exit status other
// than 0 is kUnavailable with the output in the message; still running after `timeout` is
// kDeadlineExceeded, a requested stop kCancelled, and the program has been killed. `on_line` and
// `output_file` must be unset.
Result<std::string> run_to_end(ChildOptions options, std::chrono::milliseconds timeout,
                               const std::stop_token& stop = {});

// Waits for the end of a process that need not be our child; true when it is gone.
bool wait_until_gone(pid_t pid, std::chrono::milliseconds timeout);

// How often a wait looks whether it is to be given up.
inline constexpr std::chrono::milliseconds kStopPoll{20};

}  // namespace millrace::process
