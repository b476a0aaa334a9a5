// When a batch starts on a slot that is free. docs/batching.md explains the rule.
//
// Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"
#include "worker/schedule/cost_line.h"
#include "worker/schedule/patience.h"

namespace millrace::worker {

enum class BatchMode {
    kAdaptive,  // Waits for more jobs only while that was seen to pay.
    kFixed,     // Waits until the batch is full, or its oldest job has waited `delay`.
};

struct BatchOptions {
    BatchMode mode = BatchMode::kAdaptive;
    std::size_t size = 0;          // Jobs in a batch at most; 0: what the backend takes.
    milliseconds delay{100};       // Longest wait of a claimed job for others, in both modes.
    milliseconds claim_ahead{20};  // Jobs are claimed so long before a slot is expected to be free.
    std::size_t bytes_max = 64 << 20;  // Inputs of a batch; one job may be larger.
};

// What a batch may hold.
struct BatchLimits {
    std::size_t jobs_max = 1;
    std::size_t weight_max = 0;  // 0: any.
    std::size_t bytes_max = 0;   // 0: any.
};

// Jobs of one key that wait for a slot, together.
struct Waiting {
    std::size_t jobs = 0;
    bool is_full = false;  // One of the limits is reached.
    MonoTime oldest_since;
    MonoTime earliest_deadline = MonoTime::max();
};

// The rule for one batch key, and what was learned about it.
class BatchRule {
 public:
    BatchRule(const BatchOptions& options, const BatchLimits& limits, std::size_t slots)
        : options_(options), limits_(limits), slots_(slots) {}

    // When a batch of these should start on a free slot if no other comes. May have passed.
    MonoTime start_at(const Waiting& waiting) const;

    // --- What happens ---
    void arrived(MonoTime at);
    // A batch left its slot at `now`, while `waiting` jobs wait. One whose jobs did not all
    // complete says nothing about the cost.
    void ended(MonoTime now, std::size_t waiting);
    void observe_cost(std::size_t jobs, std::chrono::nanoseconds took);

    const CostLine& cost() const { return cost_; }

 private:
    const BatchOptions& options_;
    const BatchLimits& limits_;
    const std::size_t slots_;
    CostLine cost_;
    Patience patience_;
};

}  // namespace millrace::worker
