// Chooses which running job gives way to a more urgent one.
#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "worker/execute/executor.h"

namespace millrace::worker {

using telemetry::Metric;

namespace {

// A job that has come this far will soon free its slot by itself.
constexpr double kNearlyDone = 0.9;

}  // namespace

bool Executor::preempt(BackendIndex backend, Priority urgent, const std::vector<bool>& from) {
    Actions actions;
    AttemptKey key;
    {
        const std::lock_guard lock(mutex_);
        auto* victim = choose_victim_locked(backend, urgent, from);
        if (victim == nullptr) return false;
        key = victim->job.key;
        stop_locked(key, *victim, AbortReason::kPreempted, actions);
    }
    telemetry::count<Metric::kAttemptsHandedBack>(1, "preempted");
    log_info("a job gives way to a more urgent one",
             {{"job", key.job.str()}, {"epoch", key.epoch}, {"for", name(urgent)}});
    perform(std::move(actions));
    return true;
}

Executor::Held* Executor::choose_victim_locked(BackendIndex backend, Priority urgent,
                                               const std::vector<bool>& from) {
    Held* victim = nullptr;
    for (auto& entry : held_) {
        auto& held = entry.second;
        if (held.backend != backend) continue;
        // Its slot will be free soon, and goes to the most urgent job: one at a time.
        if (held.phase == Phase::kSettling || held.stopping) return nullptr;
        if (!from[held.lane] || !gives_way(held, urgent)) continue;
        const auto loses_less = [&] {
            const auto mine = held.job.spec.priority;
            const auto other = victim->job.spec.priority;
            return mine != other ? mine > other : held.started > victim->started;
        };
        if (victim == nullptr || loses_less()) victim = &held;
    }
    return victim;
}

bool Executor::gives_way(const Held& held, Priority urgent) const {
    const auto interruptions = held.job.attempt - 1 - held.job.failures;
    return held.phase == Phase::kRunning && urgent < held.standing && held.fraction < kNearlyDone &&
           interruptions < options_.preemptions_max;
}

}  // namespace millrace::worker
