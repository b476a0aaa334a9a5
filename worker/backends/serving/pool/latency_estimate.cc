#include "worker/backends/serving/pool/latency_estimate.h"

#include <cmath>

namespace millrace::backends::serving::pool {

void LatencyEstimate::observe(double ms_per_token, MonoTime now) {
    const bool jumps = !has_value_ || ms_per_token > value_;
    const auto left = jumps ? 0 : left_of_peak(now);
    value_ = ms_per_token + (value_ - ms_per_token) * left;
    has_value_ = true;
    observed_at_ = now;
}

std::optional<double> LatencyEstimate::value() const {
    return has_value_ ? std::optional(value_) : std::nullopt;
}

std::optional<double> LatencyEstimate::faded(MonoTime now) const {
    return has_value_ ? std::optional(value_ * left_of_peak(now)) : std::nullopt;
}

double LatencyEstimate::left_of_peak(MonoTime now) const {
    const std::chrono::duration<double> passed = now - observed_at_;
    return std::exp(-passed / std::chrono::duration<double>(decay_));
}

}  // namespace millrace::backends::serving::pool
