// What a batch of n jobs costs: ms = launch + per_job · n, fitted to the batches that ran.
//
// Weighted least squares with forgetting: a batch that ran 50 batches ago counts about a third
// (0.98, serving-facts: the usual memory of recursive least squares). Where the sizes do not differ
// enough to tell the slope, the line is flat through the mean: right at the sizes that occur, and
// nothing is made up about the others. A lasting change of the model's speed shows as a run of
// misses to one side; while it lasts, half of the past is forgotten at each batch.
//
// Threads: a plain value.
#pragma once

#include <cstddef>

namespace millrace::worker {

class CostLine {
 public:
    void observe(std::size_t jobs, double ms);

    // Whether anything was observed; all below is 0 before.
    bool known() const { return weight_ > 0; }
    // Of a batch of so many jobs. >= 0.
    double ms(std::size_t jobs) const;
    double launch() const { return launch_; }
    double per_job() const { return per_job_; }
    // How far off a prediction is on average, lately.
    double deviation() const { return deviation_; }

 private:
    void forget(double kept);
    void fit();
    bool has_changed(double miss, double predicted);

    // Sums over the batches, each weighted by what is left of it.
    double weight_ = 0;
    double n_ = 0;
    double nn_ = 0;
    double y_ = 0;
    double ny_ = 0;

    double launch_ = 0;
    double per_job_ = 0;
    double deviation_ = 0;  // Moving average of |miss|.
    double jitter_ = 0;     // Moving average of |miss - last miss|: blind to a lasting change.
    double last_miss_ = 0;
    int run_ = 0;  // Misses in a row to the same side.
};

}  // namespace millrace::worker
