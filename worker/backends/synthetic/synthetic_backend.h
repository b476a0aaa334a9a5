// A backend without a model: every batch costs base + per_item · n, and each job may ask for extra
// time, partial texts and faults (behaviour.h). For tests, demos and benchmarks of everything
// around a model.
//
// A batch ends when its cost is spent and the longest "ms" of its jobs is over. Jobs with different
// "ms" or "fail" have different batch keys and never share a batch, so that a slow job delays only
// jobs like itself. Nor do jobs of different "shape" or length share one, as with a real model. A
// fault comes when the job's time is over: "crash" kills this process (SIGKILL), "hang" ends only
// by abort or deadline and delays no other job in its batch. These two harm other jobs, so they are
// refused unless the options allow them.
//
// Threads:   see Backend; one thread of its own, "synthetic".
// Blocks:    start and stop, briefly.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "worker/backends/backend.h"

namespace millrace::backends::synthetic {

struct SyntheticOptions {
    std::vector<std::string> models{"synthetic"};
    std::chrono::microseconds base{0};      // Cost of a batch of any size.
    std::chrono::microseconds per_item{0};  // Cost of each job in it.
    double jitter = 0;  // The cost is uniform in cost · [1 - jitter, 1 + jitter]. In [0, 1].
    std::size_t slots = 8;
    std::size_t batch_max = 64;
    bool has_faults = false;  // Whether a job may ask for "crash" and "hang".
    std::uint64_t seed = 1;   // For the outputs and the jitter.
};

class SyntheticBackend : public Backend {
 public:
    explicit SyntheticBackend(SyntheticOptions options);
    ~SyntheticBackend() override;

    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    std::string batch_key(const JobSpec& spec) const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    const SyntheticOptions options_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace millrace::backends::synthetic
