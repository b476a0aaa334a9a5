// Runs jobs in child processes of the worker: programs in Python or any other language that speak
// a small protocol (docs/backends.md) over their descriptor 3. Each of `slots` processes has one
// batch at a time.
//
// A process that dies, talks nonsense or grows too large is replaced; the jobs that it had run once
// more one by one, and the one with which it happens again has failed an attempt. An abort first
// asks; SIGKILL comes after `grace`, and only when nobody in the batch is wanted any more: one
// job's cancel does not take its neighbours down.
//
// Threads:   as Backend says; one own thread, "process", and one for what each child writes.
// Owns:      the processes: they end with stop(), and with this process however it ends.
// Blocks:    start(), up to start_timeout; stop(), up to grace.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/base/device.h"
#include "worker/backends/backend.h"

namespace millrace::worker {

struct ProcessOptions {
    std::vector<std::string> command;  // argv; [0] is a path or a name to find on PATH.
    // Names by which jobs ask for it. Empty: those that the program says.
    std::vector<std::string> models;
    std::size_t slots = 1;      // Processes.
    std::size_t batch_max = 0;  // Jobs in a batch, at most as the program says; 0: as it says.
    // The process of slot i is bound to devices[i % size]: its CUDA_VISIBLE_DEVICES are the
    // accelerators, and it runs on the processors only. Empty: it is bound to nothing.
    std::vector<Device> devices;
    // "NAME=value", or "NAME" to pass on the worker's own. Beside kEnvironmentPassed, the process
    // sees nothing of the worker's environment, which may hold secrets.
    std::vector<std::string> environment;
    milliseconds start_timeout{300'000};  // Until it is loaded and warm.
    milliseconds grace{5000};             // From asking to SIGKILL.
    milliseconds restart_delay_max{30'000};
    int failures_max = 3;  // Batches in a row that fail whole: it is replaced. 0: never.
    std::size_t memory_bytes_max = 0;        // Of one process, mapped files aside; 0: no limit.
    std::size_t output_bytes_max = 8 << 20;  // Of one job.
};

// What a process sees of the worker's environment without asking.
inline constexpr const char* kEnvironmentPassed[] = {
    "HOME",           "LANG",       "LC_ALL",     "LD_LIBRARY_PATH", "LOGNAME",
    "MILLRACE_CACHE", "PATH",       "PYTHONPATH", "TMPDIR",          "TZ",
    "USER",           "VIRTUAL_ENV"};

class ProcessBackend : public Backend {
 public:
    explicit ProcessBackend(ProcessOptions options);
    ~ProcessBackend() override;

    // kNotFound: no such program; kInvalidArgument: it names no models; kUnavailable: a process
    // did not come up, with the last lines that it wrote.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    const ProcessOptions options_;
    BackendInfo info_;  // Fixed once started.
    std::unique_ptr<Loop> loop_;
};

}  // namespace millrace::worker
