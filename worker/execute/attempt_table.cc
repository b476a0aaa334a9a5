#include "worker/execute/attempt_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace millrace::execute {

EndedAttempt Attempt::settle(Outcome outcome) {
    phase = Phase::kSettling;
    return {.worker = worker,
            .claim = claim,
            .terms = std::exchange(terms, {}),
            .outcome = std::move(outcome)};
}

Attempt& AttemptTable::add(Attempt attempt) {
    next_deadline_ = std::min(next_deadline_, attempt.deadline);
    ++places_by_lane_[attempt.backend][attempt.lane];
    const auto job = attempt.claim.key.job;
    const auto [added, is_new] = current_.emplace(job, std::move(attempt));
    CHECK(is_new);
    return added->second;
}

Attempt& AttemptTable::set_aside(Attempt& attempt) {
    const auto key = attempt.claim.key;
    auto node = current_.extract(key.job);
    node.mapped().is_aside = true;
    return aside_.emplace(key, std::move(node.mapped()))->second;
}

void AttemptTable::erase(Attempt& attempt) {
    --places_by_lane_[attempt.backend][attempt.lane];
    const auto key = attempt.claim.key;
    if (!attempt.is_aside) {
        current_.erase(key.job);
        return;
    }
    auto it = aside_.find(key);
    while (&it->second != &attempt) ++it;  // Equal keys are neighbours.
    aside_.erase(it);
}

Attempt* AttemptTable::current(const JobId& job) {
    const auto found = current_.find(job);
    return found == current_.end() ? nullptr : &found->second;
}

Attempt* AttemptTable::find(const AttemptKey& key) {
    return const_cast<Attempt*>(std::as_const(*this).find(key));
}

const Attempt* AttemptTable::find(const AttemptKey& key) const {
    const auto found = current_.find(key.job);
    if (found != current_.end() && found->second.claim.key.epoch == key.epoch)
        return &found->second;
    if (aside_.empty()) return nullptr;
    const auto aside = aside_.find(key);
    return aside == aside_.end() ? nullptr : &aside->second;
}

Attempt* AttemptTable::find_in(Attempt::Phase phase, const AttemptKey& key) {
    auto* newest = current(key.job);
    if (newest != nullptr && newest->claim.key == key && newest->phase == phase) return newest;
    const auto [begin, end] = aside_.equal_range(key);
    const auto found =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second.phase == phase; });
    return found == end ? nullptr : &found->second;
}

std::vector<Attempt*> AttemptTable::stoppable() {
    std::vector<Attempt*> found;
    for (auto& [job, attempt] : current_) {
        if (attempt.is_stoppable()) found.push_back(&attempt);
    }
    return found;
}

std::vector<Attempt*> AttemptTable::overdue(MonoTime now) {
    if (now < next_deadline_) return {};
    next_deadline_ = MonoTime::max();
    auto found = stoppable();
    std::erase_if(found, [&](const Attempt* attempt) {
        if (attempt->deadline <= now) return false;
        next_deadline_ = std::min(next_deadline_, attempt->deadline);
        return true;
    });
    return found;
}

}  // namespace millrace::execute
