#include "worker/schedule/adaptive_delay.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace millrace::schedule {
namespace {

constexpr double kNewestWait = 0.25;  // Weight in the averages, as for TCP round trips (RFC 6298).
constexpr double kDeviations = 2;     // The wait exceeds its average by this many deviations.
constexpr double kFading = 0.9;       // Factor on the expected number of jobs, at each batch.
constexpr double kGivenUp = 0.5;  // Factor on the wait, at a batch for which none would have paid.
constexpr double kWaitMin = 0.1;  // Milliseconds; a shorter wait counts as none.
// The minimum gain, as a fraction of the time that the jobs spend. A smaller one is noise.
constexpr double kGainMin = 0.05;

}  // namespace

void AdaptiveDelay::arrived(double at) {
    if (came_.size() < kept_max_) came_.push_back(std::max(at - last_end_, 0.0));
}

void AdaptiveDelay::ended(double now, std::size_t waiting, const Model& model) {
    if (kept_max_ > 0 && model.cost.known() && !came_.empty()) learn(best_start(model));
    kept_max_ = 2 * model.batch_max;
    last_end_ = now;
    came_.assign(std::min(waiting, kept_max_), 0.0);
}

bool AdaptiveDelay::is_enough(std::size_t waiting) const {
    return wait_ < kWaitMin || static_cast<double>(waiting) >= std::floor(jobs_);
}

double AdaptiveDelay::until() const {
    return wait_ < kWaitMin ? last_end_ : last_end_ + wait_ + kDeviations * deviation_;
}

AdaptiveDelay::Start AdaptiveDelay::best_start(const Model& model) const {
    auto came = came_;
    std::sort(came.begin(), came.end());
    const auto present = static_cast<std::size_t>(
        std::upper_bound(came.begin(), came.end(), came.front()) - came.begin());
    const auto first = std::min(present, model.batch_max);
    const auto slots = static_cast<double>(model.slots);
    // Jobs that arrive after the first start's batch has ended do not matter for it.
    const double horizon = came.front() + model.cost.ms(first) / slots;
    came.erase(std::lower_bound(came.begin(), came.end(), horizon), came.end());
    if (came.size() <= first) return {};

    // The sum of the times at which the jobs are done, if a batch of `jobs` starts once that many
    // have arrived. The time that the jobs spend is less by the sum of their arrivals, which is the
    // same for every start.
    const auto spent = [&](std::size_t jobs) {
        const double start = came[jobs - 1];
        const double cost = model.cost.ms(jobs);
        const auto late = came.size() - jobs;
        const double next = start + cost / slots;
        return static_cast<double>(jobs) * (start + cost) +
               static_cast<double>(late) * (next + model.cost.ms(std::min(late, model.batch_max)));
    };
    const double arrivals = std::accumulate(came.begin(), came.end(), 0.0);
    const double at_once = spent(first);
    auto best = first;
    double least = at_once - kGainMin * (at_once - arrivals);
    for (auto jobs = first + 1; jobs <= std::min(came.size(), model.batch_max); ++jobs) {
        const double sum = spent(jobs);
        if (sum >= least) continue;
        least = sum;
        best = jobs;
    }
    if (best == first) return {};
    return {.after = came[best - 1], .jobs = best};
}

void AdaptiveDelay::learn(const Start& best) {
    if (best.jobs == 0) {
        wait_ *= kGivenUp;
        deviation_ *= kGivenUp;
        jobs_ *= kFading;
        return;
    }
    if (wait_ < kWaitMin) {
        wait_ = best.after;
        deviation_ = best.after / 2;
    } else {
        deviation_ += kNewestWait * (std::abs(best.after - wait_) - deviation_);
        wait_ += kNewestWait * (best.after - wait_);
    }
    jobs_ = std::max(static_cast<double>(best.jobs), kFading * jobs_);
}

}  // namespace millrace::schedule
