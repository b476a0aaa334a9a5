// How long a free slot waits for more jobs of its kind, learned in hindsight.
//
// After each batch it computes when that batch should have started, now that the arrival times are
// known. A later start delays the jobs that are there, and spares those that arrive in time the
// wait for a whole batch (the gain rule: waiting pays while it delays jobs by less than it saves).
// It pays only with clients that send their next job when one ends; not with a steady flow, a job
// that comes alone, or a model whose cost is proportional to the jobs. So a slot waits only for
// what has come before, and the wait counts from the end of a batch: a job that finds the model
// idle starts at once.
//
// Times are milliseconds of one monotonic clock, from any zero.
//
// Threads: a plain value.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/schedule/cost_line.h"

namespace millrace::schedule {

class AdaptiveDelay {
 public:
    // The costs and limits that decide when a batch starts and ends.
    struct Model {
        const CostLine& cost;
        std::size_t batch_max = 1;
        std::size_t slots = 1;
    };

    // A batch ended while `waiting` others wait. Learns from the arrivals since the last end.
    void ended(double now, std::size_t waiting, const Model& model);
    void arrived(double at);

    // Whether a free slot should start with these `waiting` jobs instead of waiting for more.
    bool is_enough(std::size_t waiting) const;
    // When a free slot stops waiting, even if expected jobs have not arrived.
    double until() const;

 private:
    struct Start {
        double after = 0;      // Counted from the last end.
        std::size_t jobs = 0;  // Jobs in the batch.
    };

    // The best start; empty if waiting would not have paid.
    Start best_start(const Model& model) const;
    void learn(const Start& best);

    // When jobs arrived since the last end; 0 for those that were waiting. At most twice batch_max.
    std::vector<double> came_;
    std::size_t kept_max_ = 0;
    double last_end_ = 0;

    double wait_ = 0;       // Moving average of the best waits.
    double deviation_ = 0;  // Average distance of the best waits from wait_.
    double jobs_ = 0;       // The most jobs that arrived in time, fading.
};

}  // namespace millrace::schedule
