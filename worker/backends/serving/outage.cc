#include "worker/backends/serving/outage.h"

#include <algorithm>

#include "common/base/text.h"

namespace millrace::backends::serving {

bool is_page(std::string_view body) {
    return trimmed(without_byte_order_mark(trimmed(body))).starts_with('<');
}

Outcome Outages::waited_out(Outcome outcome, const AttemptKey& key, MonoTime now) {
    if (!saw(key.job)) make_room();
    auto& seen = jobs_.try_emplace(key.job, Seen{.first = now}).first->second;
    seen.last = now;
    if (seen.count == 0 || seen.epoch != key.epoch) ++seen.count;
    seen.epoch = key.epoch;
    if (seen.count >= kOutagesMin && now - seen.first >= kOutagePatience) {
        outcome.kind = OutcomeKind::kRetryable;
        return outcome;
    }
    outcome.kind = OutcomeKind::kRateLimited;
    const auto rest = std::min<milliseconds>(kOutageRestStep * (seen.count - 1), kOutageRestMax);
    if (rest > milliseconds(0)) {
        outcome.retry_after = std::max(rest, outcome.retry_after.value_or(rest));
    }
    return outcome;
}

Outcome Outages::weigh_unanswered(Outcome outcome, const AttemptKey& key, MonoTime served_at,
                                  MonoTime now) {
    if (!is_alone_with_them(key.job, served_at)) return waited_out(std::move(outcome), key, now);
    outcome.kind = OutcomeKind::kRetryable;
    return outcome;
}

bool Outages::is_alone_with_them(const JobId& job, MonoTime served_at) const {
    const auto found = jobs_.find(job);
    return found != jobs_.end() && found->second.count >= kLonelyOutagesMin &&
           found->second.last < served_at;
}

void Outages::make_room() {
    if (jobs_.size() < kOutageJobsMax) return;
    jobs_.erase(
        std::ranges::min_element(jobs_, {}, [](const auto& entry) { return entry.second.last; }));
}

}  // namespace millrace::backends::serving
