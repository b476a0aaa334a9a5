#include "worker/execute/preemptor.h"

namespace millrace::execute {
namespace {

// A job that has come this far will soon free its slot by itself.
constexpr double kNearlyDone = 0.9;

bool loses_less(const Attempt& a, const Attempt& b) {
    const auto mine = a.terms.priority;
    const auto other = b.terms.priority;
    return mine != other ? mine > other : a.started > b.started;
}

}  // namespace

std::optional<AttemptKey> Preemptor::choose(const AttemptTable& attempts,
                                            schedule::BackendIndex backend, Priority urgent,
                                            const std::vector<bool>& from) const {
    const Attempt* victim = nullptr;
    for (const auto& [job, attempt] : attempts.current()) {
        if (attempt.backend != backend) continue;
        if (!attempt.is_stoppable()) return std::nullopt;
        if (!from[attempt.lane] || !gives_way(attempt, urgent)) continue;
        if (victim == nullptr || loses_less(attempt, *victim)) victim = &attempt;
    }
    if (victim == nullptr) return std::nullopt;
    return victim->claim.key;
}

bool Preemptor::gives_way(const Attempt& attempt, Priority urgent) const {
    const auto interruptions = attempt.claim.attempt - 1 - attempt.claim.failures;
    return attempt.phase == Attempt::Phase::kRunning && urgent < attempt.standing &&
           attempt.fraction < kNearlyDone && interruptions < preemptions_max_;
}

}  // namespace millrace::execute
