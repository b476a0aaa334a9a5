#include "worker/backends/serving/pool/concurrency_limit.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::backends::serving::pool {
namespace {

constexpr double kCut = 0.7;
// With a smaller part of the limit in flight, a success says nothing about the limit.
constexpr double kInUse = 0.5;
constexpr std::size_t kQueueMax = 5;

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(std::size_t most)
    : most_(static_cast<double>(most)), limit_(most_) {
    CHECK(most >= 1);
}

void ConcurrencyLimit::on_success(std::size_t in_flight) {
    has_served_ = true;
    if (is_queueing_ || static_cast<double>(in_flight) < kInUse * limit_) return;
    ++window_;
    if (limit_ >= threshold_ && window_ < value()) return;
    window_ = 0;
    limit_ = std::min(limit_ + 1, most_);
}

void ConcurrencyLimit::on_refusal(MonoTime started, MonoTime now) {
    if (started < cut_at_) return;
    // In an outage nothing succeeds between two cuts; the limit then returns to the first cut's
    // value.
    if (has_served_) threshold_ = kCut * limit_;
    limit_ = std::max(kCut * limit_, 1.0);
    cut_at_ = now;
    has_served_ = false;
    window_ = 0;
}

void ConcurrencyLimit::on_queue(std::size_t waiting, std::size_t in_flight, MonoTime asked,
                                MonoTime now) {
    is_queueing_ = waiting > 0;
    if (waiting > kQueueMax && in_flight <= value()) on_refusal(asked, now);
}

}  // namespace millrace::backends::serving::pool
