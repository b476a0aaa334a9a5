// The cost curves that batching is measured on, and what a model with such a curve does when it is
// called directly: with only the backend around it, and nothing else of Millrace.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/synthetic/synthetic_backend.h"

namespace millrace::bench {

// The curves of bench/peers: the peers were measured on them.
struct Curve {
    std::string name;
    std::chrono::milliseconds base{0};
    std::chrono::milliseconds per_item{0};
    std::size_t batch_max = 32;

    backends::synthetic::SyntheticOptions options() const {
        return {.base = base, .per_item = per_item, .slots = 1, .batch_max = batch_max};
    }
};

std::vector<Curve> curves();

// The inputs that the clients of a closed loop send in turn: three shapes in two lengths, which
// never share a batch, or one kind only.
std::vector<std::string> inputs_of(bool mixed);

// Jobs a second when batches of these sizes run back to back, in turn.
double direct_rate(const Curve& curve, const std::vector<std::size_t>& sizes,
                   std::chrono::milliseconds duration);
// The median time of a batch of one, in milliseconds, with pauses in between.
double direct_ms(const Curve& curve, int jobs, std::chrono::milliseconds pause);

// The batch sizes of the oracle: full batches, or, if there are several kinds, all clients of one
// kind at a time.
std::vector<std::size_t> best_sizes(const Curve& curve, std::size_t clients, std::size_t kinds);

// Jobs a second, from the ends of jobs: counted between the first end after a given time and the
// last one, so that it does not matter where in a batch the measurement begins and stops.
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
    // The ends of one batch come this close together.
    static constexpr std::chrono::milliseconds kOneBatch{4};

    const Time counted_from_;
    std::optional<Time> first_;
    Time last_;
    std::size_t jobs_ = 0;  // Those after the first batch.
};

}  // namespace millrace::bench
