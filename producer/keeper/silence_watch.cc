#include "producer/keeper/silence_watch.h"

#include <algorithm>

namespace millrace::keeper {

void SilenceWatch::observe(const std::vector<storage::WorkerPulse>& pulses, MonoTime sent,
                           MonoTime received) {
    // The two answers may describe states this far apart, and the database may have been away
    // between them.
    if (asked_ != MonoTime::min() && received - asked_ > options_.gap_max) start_anew();
    asked_ = sent;

    std::unordered_map<WorkerId, Seen> now;
    for (const auto& pulse : pulses) {
        const auto before = seen_.find(pulse.id);
        const bool is_new = before == seen_.end();
        const bool unchanged = !is_new && before->second.heartbeats == pulse.heartbeats;
        auto seen = unchanged ? before->second : Seen{pulse.heartbeats, received};
        seen.since = std::min(seen.since, received);
        seen.first_seen = is_new ? received : before->second.first_seen;
        now.emplace(pulse.id, seen);
    }
    for (const auto& [id, seen] : seen_) {
        if (!now.contains(id) && is_suspect(seen)) lost_.emplace_back(sent, seen.since);
    }
    while (!lost_.empty() && sent - lost_.front().first >= options_.ttl) lost_.pop_front();
    seen_ = std::move(now);
    // A worker stays in its outage: by the time all of them are marked lost, others may have
    // started in their place, and the share of silent workers looks small.
    for (auto& [id, seen] : seen_) seen.in_outage = seen.in_outage || falls_in_outage(seen);
}

void SilenceWatch::start_anew() {
    for (auto& [id, seen] : seen_) seen.since = MonoTime::max();
}

std::vector<SilentWorker> SilenceWatch::silent() const {
    std::vector<SilentWorker> silent;
    for (const auto& [id, seen] : seen_) {
        if (asked_ - seen.since < options_.ttl) continue;
        silent.push_back({{id, seen.heartbeats}, seen.in_outage});
    }
    return silent;
}

bool SilenceWatch::falls_in_outage(const Seen& seen) const {
    if (!is_suspect(seen)) return false;
    const auto gone = std::ranges::count_if(
        lost_, [&](const auto& one) { return is_about(one.second, seen.since); });
    const auto here = std::ranges::count_if(seen_, [&](const auto& entry) {
        return is_suspect(entry.second) && is_about(entry.second.since, seen.since);
    });
    // Workers first seen after that silence began, such as new incarnations of those that fell
    // silent, do not count.
    const auto there = std::ranges::count_if(
        seen_, [&](const auto& entry) { return entry.second.first_seen <= seen.since; });
    const auto silent = gone + here;
    return silent >= 2 && silent * 3 > there + gone;
}

}  // namespace millrace::keeper
