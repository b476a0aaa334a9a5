// Invariant 3: each attempt has a claim of its own under an epoch that rises; only the worker that
// claimed it may end it, once; and no job has two outcomes that completed it.
#include "tests/simulation/checkers/checkers.h"

namespace millrace::simulation {
namespace {

class Fences : public Checker {
 public:
    using Checker::Checker;

    void claimed(WorkerId worker, const Claim& claim) override {
        const auto& job = history().jobs().at(claim.key.job);
        if (job.state != JobState::kQueued) {
            history().violated(
                "3", fmt::format("{} was claimed while {}", job.id.str(), name(job.state)));
        }
        if (claim.key.epoch <= job.epoch) {
            history().violated("3", job.id.str() + " was claimed under an epoch that did not rise");
        }
        claims_[claim.key] = {worker};
    }

    void started(const StartedAttempt& attempt) override {
        const auto claim = claims_.find(attempt.key);
        if (claim == claims_.end() || claim->second.worker != attempt.worker) {
            return history().violated("3", attempt.key.job.str() + " started without a claim");
        }
        if (std::exchange(claim->second.started, true)) {
            history().violated("3", attempt.key.job.str() + " started twice under one epoch");
        }
    }

    void settled(WorkerId worker, const storage::SettledAttempt& attempt,
                 const storage::SettledReply& reply) override {
        settling_ = attempt.key;
        if (!reply.accepted) return;
        const auto claim = claims_.find(attempt.key);
        if (claim == claims_.end() || claim->second.worker != worker) {
            return history().violated(
                "3", attempt.key.job.str() + " was ended by someone who had not claimed it");
        }
        if (attempt.settlement.next != JobState::kCompleted) return;
        const auto [first, is_first] = completed_.try_emplace(attempt.key.job, attempt.key.epoch);
        if (is_first || first->second == attempt.key.epoch) return;
        history().violated("2", attempt.key.job.str() + " completed under two epochs");
    }

    void changed(const Change& change) override {
        if (change.cause != Cause::kSettle || change.before == nullptr) return;
        const auto& [before, after] = std::tie(*change.before, change.after);
        if (before.state == after.state && before.failures == after.failures) return;
        if (!info(before.state).is_active) {
            history().violated("3", after.id.str() + " was ended while no attempt ran");
        } else if (before.epoch != settling_.epoch) {
            history().violated("3", after.id.str() + " was ended by an earlier attempt's outcome");
        }
    }

 private:
    struct Claimed {
        WorkerId worker;
        bool started = false;
    };

    std::map<AttemptKey, Claimed> claims_;
    AttemptKey settling_;  // The attempt of the next change.
    std::map<JobId, Epoch> completed_;
};

}  // namespace

void add_fences(History& history) {
    history.add(std::make_unique<Fences>(history));
}

}  // namespace millrace::simulation
