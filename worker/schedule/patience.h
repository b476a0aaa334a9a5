// How long a free slot waits for more jobs of its kind, learned in hindsight.
//
// After each batch it is computed when it would best have started, now that it is known which jobs
// came when: a later start makes those wait that are there, and spares those that come in time the
// whole batch (the gain rule: waiting pays while what it delays is less than what it saves). Only
// clients who answer an end with their next job make that pay; a steady flow does not, nor does
// a job that comes alone, nor a model that costs by the job. So nothing is waited for until it was
// seen to come, and waiting counts from the end of a batch: who finds the model idle is not kept.
//
// Times are milliseconds of one monotonic clock, from any zero.
//
// Threads: a plain value.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/schedule/cost_line.h"

namespace millrace::worker {

class Patience {
 public:
    // What starts and ends depend on.
    struct Model {
        const CostLine& cost;
        std::size_t batch_max = 1;
        std::size_t slots = 1;
    };

    // A batch ended while `waiting` others wait: learns from what came since the last end.
    void ended(double now, std::size_t waiting, const Model& model);
    void arrived(double at);

    // Whether a free slot has all that it may expect, with `waiting` jobs.
    bool is_enough(std::size_t waiting) const;
    // When the wait is over, whoever is missing.
    double until() const;

 private:
    struct Start {
        double after = 0;      // The last end.
        std::size_t jobs = 0;  // In the batch.
    };

    // The best start; no later than the first job where waiting would not have paid.
    Start best_start(const Model& model) const;
    void learn(const Start& best);

    // Since the last end: when jobs came, 0 for those that were there. At most twice batch_max.
    std::vector<double> came_;
    std::size_t kept_max_ = 0;
    double last_end_ = 0;

    double wait_ = 0;       // Moving average of the best.
    double deviation_ = 0;  // Of the best from it.
    double jobs_ = 0;       // Most that came in time, fading.
};

}  // namespace millrace::worker
