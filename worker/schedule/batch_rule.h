// Decides when a batch starts on a free slot. docs/batching.md explains the rule.
//
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"
#include "worker/schedule/adaptive_delay.h"
#include "worker/schedule/cost_line.h"

namespace millrace::schedule {

enum class BatchMode {
    kAdaptive,  // Waits for more jobs only while waiting has paid off.
    kFixed,     // Waits until the batch is full, or its oldest job has waited for `delay`.
};

struct BatchOptions {
    BatchMode mode = BatchMode::kAdaptive;
    std::size_t size = 0;     // Maximum number of jobs in a batch; 0: as many as the backend takes.
    milliseconds delay{100};  // Longest time that a claimed job waits for others, in both modes.
    // Jobs are claimed this long before a slot is expected to be free.
    milliseconds claim_ahead{20};
    std::size_t bytes_max = 64 << 20;  // Input bytes of a batch; a single job may be larger.
};

// The limits of a batch.
struct BatchLimits {
    std::size_t jobs_max = 1;
    std::size_t weight_max = 0;  // 0: no limit.
    std::size_t bytes_max = 0;   // 0: no limit.
};

// Jobs with the same key that wait together for a slot.
struct Waiting {
    std::size_t jobs = 0;
    bool is_full = false;  // One of the limits is reached.
    MonoTime oldest_since;
    MonoTime earliest_deadline = MonoTime::max();
};

// The rule for one batch key, with what has been learned about that key.
class BatchRule {
 public:
    BatchRule(const BatchOptions& options, const BatchLimits& limits, std::size_t slots)
        : options_(options), limits_(limits), slots_(slots) {}

    // When a batch of these jobs should start on a free slot if no other job arrives. May be in the
    // past.
    MonoTime start_at(const Waiting& waiting) const;

    // --- Observations ---
    void arrived(MonoTime at);
    // A batch left its slot at `now`, while `waiting` jobs wait. Its cost is passed to
    // observe_cost() separately, and only if all its jobs completed: other batches say nothing
    // about the cost.
    void ended(MonoTime now, std::size_t waiting);
    void observe_cost(std::size_t jobs, std::chrono::nanoseconds took);

    const CostLine& cost() const { return cost_; }

 private:
    const BatchOptions& options_;
    const BatchLimits& limits_;
    const std::size_t slots_;
    CostLine cost_;
    AdaptiveDelay delay_;
};

}  // namespace millrace::schedule
