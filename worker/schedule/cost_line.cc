#include "worker/schedule/cost_line.h"

#include <algorithm>
#include <cmath>

namespace millrace::schedule {
namespace {

constexpr double kKept = 0.98;         // The part of the past that is kept at each batch.
constexpr double kKeptOnChange = 0.5;  // The same, while the model's speed has visibly changed.
constexpr double kNewestMiss = 0.1;    // The newest miss's weight in the moving averages.
constexpr int kRunOfChange = 4;        // Consecutive misses to one side; by chance once in eight.
constexpr double kMissMin = 0.02;  // Fraction of the prediction. A smaller miss is not a change,
constexpr double kJittersMin = 2;  // nor is one that the scatter of a steady model explains.
// If the variance of the sizes, in jobs², is below this, they do not determine a slope.
constexpr double kVarianceMin = 0.25;

}  // namespace

void CostLine::observe(std::size_t jobs, double ms) {
    if (known()) {
        const double predicted = this->ms(jobs);
        const double miss = ms - predicted;
        forget(has_changed(miss, predicted) ? kKeptOnChange : kKept);
        deviation_ += kNewestMiss * (std::abs(miss) - deviation_);
        jitter_ += kNewestMiss * (std::abs(miss - last_miss_) - jitter_);
        last_miss_ = miss;
    }
    const auto n = static_cast<double>(jobs);
    weight_ += 1;
    n_ += n;
    nn_ += n * n;
    y_ += ms;
    ny_ += n * ms;
    fit();
}

double CostLine::ms(std::size_t jobs) const {
    return launch_ + per_job_ * static_cast<double>(jobs);
}

bool CostLine::has_changed(double miss, double predicted) {
    const bool same_side = (miss > 0) == (last_miss_ > 0);
    run_ = same_side ? run_ + 1 : 1;
    return run_ >= kRunOfChange &&
           std::abs(miss) > std::max(kJittersMin * jitter_, kMissMin * predicted);
}

void CostLine::forget(double kept) {
    for (auto* sum : {&weight_, &n_, &nn_, &y_, &ny_}) *sum *= kept;
}

void CostLine::fit() {
    const double mean_n = n_ / weight_;
    const double mean_y = y_ / weight_;
    const double variance = nn_ / weight_ - mean_n * mean_n;
    const double covariance = ny_ / weight_ - mean_n * mean_y;
    const double slope = variance < kVarianceMin ? 0 : covariance / variance;
    // Neither part of a cost is negative.
    per_job_ = std::clamp(slope, 0.0, mean_y / mean_n);
    launch_ = mean_y - per_job_ * mean_n;
}

}  // namespace millrace::schedule
