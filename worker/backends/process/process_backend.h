// Runs jobs in child processes of the worker: programs in Python or any other language that use a
// small protocol (docs/backends.md) over their descriptor 3. Each of the `slots` processes has one
// batch at a time.
//
// A process that dies, sends something invalid or grows too large is replaced. The jobs that it had
// run again one by one; the one with which the process fails again has failed an attempt, and so
// has a job that had shown text. An abort first asks the process to stop the job. SIGKILL follows
// after `grace`, but only when no job in the batch is wanted any more: cancelling one job does not
// end the others.
//
// Threads:   see Backend; one thread of its own, "process", and one for the output of each child.
// Owns:      the processes: they end with stop(), and with this process however it ends.
// Blocks:    start(), up to start_timeout; stop(), up to grace.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/base/device.h"
#include "worker/backends/backend.h"

namespace millrace::backends::process {

struct ProcessOptions {
    std::vector<std::string> command;  // argv; [0] is a path, or a name to find on PATH.
    // Names by which jobs ask for it. Empty: those that the program reports.
    std::vector<std::string> models;
    std::size_t slots = 1;      // Number of processes.
    std::size_t batch_max = 0;  // Jobs in a batch, at most the program's own limit; 0: that limit.
    // The process of slot i is bound to devices[i % size]: its CUDA_VISIBLE_DEVICES are the
    // accelerators, and it runs only on the processors listed there. Empty: it is not bound.
    std::vector<Device> devices;
    // "NAME=value", or "NAME" to pass on the worker's own value. Apart from these and
    // kEnvironmentPassed, the process sees nothing of the worker's environment, which may hold
    // secrets.
    std::vector<std::string> environment;
    milliseconds start_timeout{300'000};  // Until it is loaded and warm.
    milliseconds grace{5000};             // From the request to stop until SIGKILL.
    milliseconds restart_delay_max{30'000};
    int failures_max = 3;  // Whole batches in a row that fail before it is replaced; 0: never.
    std::size_t memory_bytes_max = 0;        // Of one process, without mapped files; 0: no limit.
    std::size_t output_bytes_max = 8 << 20;  // Of one job.
};

// The variables of the worker's environment that every process sees.
inline constexpr const char* kEnvironmentPassed[] = {
    "HOME",           "LANG",       "LC_ALL",     "LD_LIBRARY_PATH", "LOGNAME",
    "MILLRACE_CACHE", "PATH",       "PYTHONPATH", "TMPDIR",          "TZ",
    "USER",           "VIRTUAL_ENV"};

class ProcessBackend : public Backend {
 public:
    explicit ProcessBackend(ProcessOptions options);
    ~ProcessBackend() override;

    // kNotFound: no such program; kInvalidArgument: it names no models; kUnavailable: a process did
    // not come up. The message holds the last lines that it wrote.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    const ProcessOptions options_;
    BackendInfo info_;  // Fixed after start().
    std::unique_ptr<Loop> loop_;
};

}  // namespace millrace::backends::process
