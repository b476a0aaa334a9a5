#include "worker/backends/serving/pool/breaker.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::backends::serving::pool {

BreakerState Breaker::state(MonoTime now) const {
    if (!is_open_) return BreakerState::kClosed;
    return now < open_until_ ? BreakerState::kOpen : BreakerState::kHalfOpen;
}

bool Breaker::admits(MonoTime now) const {
    return !is_open_ || (now >= open_until_ && !is_probing_);
}

milliseconds Breaker::open_for(MonoTime now) const {
    if (state(now) != BreakerState::kOpen) return milliseconds(0);
    return std::chrono::ceil<milliseconds>(open_until_ - now);
}

bool Breaker::begin(MonoTime now) {
    CHECK(admits(now));
    is_probing_ = is_open_;
    return is_probing_;
}

void Breaker::end(bool is_probe, MonoTime begun, Verdict verdict, MonoTime now, Random& random) {
    if (is_open_ != is_probe || (!is_probe && begun < closed_at_)) return;
    if (is_probe) is_probing_ = false;
    if (verdict == Verdict::kNone) return;
    const bool failed = verdict != Verdict::kSuccess;
    if (is_probe) return failed ? open(now, random) : close(now);
    record(failed, now);
    if (verdict == Verdict::kDead || has_failed()) open(now, random);
}

void Breaker::record(bool failed, MonoTime now) {
    calls_.push_back({now, failed});
    while (calls_.size() > options_.window_calls || calls_.front().at + options_.window < now) {
        calls_.pop_front();
    }
}

bool Breaker::has_failed() const {
    if (calls_.size() < options_.calls_min) return false;
    const auto failures =
        std::count_if(calls_.begin(), calls_.end(), [](const Call& call) { return call.failed; });
    return static_cast<double>(failures) >=
           options_.failure_share * static_cast<double>(calls_.size());
}

void Breaker::open(MonoTime now, Random& random) {
    open_time_ = is_open_ ? std::min(open_time_ * 2, options_.open_max) : options_.open_first;
    is_open_ = true;
    const auto share = 1 - options_.jitter * random.unit();
    open_until_ = now + std::chrono::duration_cast<milliseconds>(open_time_ * share);
    calls_.clear();
}

void Breaker::close(MonoTime now) {
    is_open_ = false;
    closed_at_ = now;
}

}  // namespace millrace::backends::serving::pool
