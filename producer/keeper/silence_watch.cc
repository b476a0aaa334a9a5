#include "producer/keeper/silence_watch.h"

#include <algorithm>

namespace millrace::gateway {

void SilenceWatch::observe(const std::vector<storage::WorkerPulse>& pulses, MonoTime sent,
                           MonoTime received) {
    const bool was_slow = received - sent > options_.gap_max;
    const bool was_away = answered_ != MonoTime::min() && sent - answered_ > options_.gap_max;
    if (was_slow || was_away) start_anew();
    asked_ = sent;
    answered_ = received;

    std::unordered_map<WorkerId, Seen> now;
    for (const auto& pulse : pulses) {
        const auto before = seen_.find(pulse.id);
        const bool unchanged =
            before != seen_.end() && before->second.heartbeats == pulse.heartbeats;
        now.emplace(pulse.id, unchanged ? before->second : Seen{pulse.heartbeats, received});
    }
    for (const auto& [id, seen] : seen_) {
        if (!now.contains(id) && is_suspect(seen)) lost_.push_back(sent);
    }
    while (!lost_.empty() && sent - lost_.front() >= options_.ttl / 2) lost_.pop_front();
    seen_ = std::move(now);
    // Remembered: by the time that all of them are marked lost, others may have started instead.
    if (!mass_outage()) return;
    for (auto& [id, seen] : seen_) seen.in_outage = seen.in_outage || is_suspect(seen);
}

std::vector<SilentWorker> SilenceWatch::silent() const {
    std::vector<SilentWorker> silent;
    for (const auto& [id, seen] : seen_) {
        if (asked_ - seen.since < options_.ttl) continue;
        silent.push_back({{id, seen.heartbeats}, seen.in_outage});
    }
    return silent;
}

bool SilenceWatch::mass_outage() const {
    const auto suspects = std::ranges::count_if(
        seen_, [this](const auto& entry) { return is_suspect(entry.second); });
    const auto silent = static_cast<std::size_t>(suspects) + lost_.size();
    const auto all = seen_.size() + lost_.size();
    return silent >= 2 && silent * 3 > all;
}

}  // namespace millrace::gateway
