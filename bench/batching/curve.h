// The cost curves that batching is measured on, and what a model of such a curve does when it is
// called directly, with nothing of Millrace but the backend itself around it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/synthetic/synthetic_backend.h"

namespace millrace::bench {

// Of performance-facts: what the peers were measured on.
struct Curve {
    std::string name;
    std::chrono::milliseconds base{0};
    std::chrono::milliseconds per_item{0};
    std::size_t batch_max = 32;

    worker::SyntheticOptions options() const {
        return {.base = base, .per_item = per_item, .slots = 1, .batch_max = batch_max};
    }
};

std::vector<Curve> curves();

// The inputs of the clients of a closed loop, in turn: three shapes in two lengths, which never
// share a batch, or one kind only.
std::vector<std::string> inputs_of(bool mixed);

// Jobs a second where batches of these sizes run back to back, in turn.
double direct_rate(const Curve& curve, const std::vector<std::size_t>& sizes,
                   std::chrono::milliseconds duration);
// Median time of a batch of one, in milliseconds, with pauses between them.
double direct_ms(const Curve& curve, int jobs, std::chrono::milliseconds pause);

// Of the oracle: full batches, or where there are several kinds, all clients of one at a time.
std::vector<std::size_t> best_sizes(const Curve& curve, std::size_t clients, std::size_t kinds);

// Jobs a second from what ends: between the first end after a time and the last, so that it does
// not matter where in a batch the measuring begins and stops.
class RateOfEnds {
 public:
    using Time = std::chrono::steady_clock::time_point;
    explicit RateOfEnds(Time counted_from) : counted_from_(counted_from) {}

    void add(Time end) {
        if (end < counted_from_) return;
        if (!first_) first_ = end;
        last_ = end;
        if (end - *first_ > kOneBatch) ++jobs_;
    }
    double per_second() const {
        return static_cast<double>(jobs_) / std::chrono::duration<double>(last_ - *first_).count();
    }

 private:
    // Ends of one batch come this close together.
    static constexpr std::chrono::milliseconds kOneBatch{4};

    const Time counted_from_;
    std::optional<Time> first_;
    Time last_;
    std::size_t jobs_ = 0;  // After those of the first batch.
};

}  // namespace millrace::bench
