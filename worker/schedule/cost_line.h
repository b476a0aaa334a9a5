// The cost of a batch of n jobs, ms = launch + per_job · n, fitted to the batches that have run.
//
// Weighted least squares with forgetting: a batch that ran 50 batches ago counts about a third (a
// factor of 0.98 per batch, a usual one for recursive least squares). If the sizes differ too
// little to determine the slope, the line is flat through the mean: it is right at the sizes that
// occur and claims nothing about others. A lasting change of the model's speed shows as a run of
// misses to one side; while the run lasts, half of the past is forgotten at each batch.
//
// Threads: a plain value.
#pragma once

#include <cstddef>

namespace millrace::schedule {

class CostLine {
 public:
    void observe(std::size_t jobs, double ms);

    // Whether anything was observed. Until then, all values below are 0.
    bool known() const { return weight_ > 0; }
    // The cost of a batch of `jobs` jobs. >= 0.
    double ms(std::size_t jobs) const;
    double launch() const { return launch_; }
    double per_job() const { return per_job_; }
    // The average error of recent predictions, in ms.
    double deviation() const { return deviation_; }

 private:
    void forget(double kept);
    void fit();
    bool has_changed(double miss, double predicted);

    // Sums over the batches, each multiplied by its remaining weight.
    double weight_ = 0;
    double n_ = 0;
    double nn_ = 0;
    double y_ = 0;
    double ny_ = 0;

    double launch_ = 0;
    double per_job_ = 0;
    double deviation_ = 0;  // Moving average of |miss|.
    double jitter_ = 0;     // Moving average of |miss - last miss|; ignores a lasting change.
    double last_miss_ = 0;
    int run_ = 0;  // Consecutive misses to the same side.
};

}  // namespace millrace::schedule
