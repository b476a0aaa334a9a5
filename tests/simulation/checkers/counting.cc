// Invariant 8: failures end a job at attempts_max and never exceed it; interruptions and losses are
// not failures; three losses in a row, none of them in a mass outage and the last of a job that was
// alone, quarantine a job. And no job gives way to more urgent work more often than it has to; the
// most urgent jobs never do.
#include <algorithm>
#include <iterator>
#include <vector>

#include "tests/simulation/checkers/checkers.h"
#include "tests/simulation/worker_process.h"

namespace millrace::simulation {
namespace {

class Counting : public Checker {
 public:
    using Checker::Checker;

    void settled(WorkerId, const storage::SettledAttempt& attempt,
                 const storage::SettledReply& reply) override {
        if (!reply.accepted) return;
        last_settled_[attempt.key.job] = attempt;
        if (attempt.outcome.error_code != "preempted") return;
        const auto& job = history().jobs().at(attempt.key.job);
        auto& preempted = preempted_[job.id];
        preempted.insert(attempt.key.epoch);  // A set, because outcomes in doubt are sent again.
        if (preempted.size() > kPreemptionsMax) violated(job, "gave way too often");
        if (history().submitted(job.id).terms.priority != Priority::kHigh) return;
        violated(job, "gave way although nothing is more urgent");
    }

    void claimed(WorkerId, const Claim& claim) override {
        const auto& job = history().jobs().at(claim.key.job);
        if (claim.losses > losses_[job.id]) violated(job, "had a loss counted that does not");
    }

    void power_failed(const std::set<WorkerId>& workers) override {
        std::set<WorkerId> known;  // The others were not registered yet.
        std::ranges::set_intersection(workers, heard_, std::inserter(known, known.end()));
        outages_.push_back(std::move(known));
    }

    // This heartbeat took long to arrive: for keepers the worker was alive until then, and fell
    // silent on its own.
    void heard_of(WorkerId worker) override {
        heard_.insert(worker);
        for (auto& victims : outages_) victims.erase(worker);
    }

    void changed(const Change& change) override {
        if (change.before == nullptr) return;
        const auto& [before, after] = std::tie(*change.before, change.after);
        if (after.failures > after.attempts_max) {
            violated(after, "failed more often than it may");
        }
        if (after.failures >= after.attempts_max && !info(after.state).is_final) {
            violated(after, "goes on after its last failure");
        }
        if (change.cause == Cause::kClaim) {
            holder_[after.id] = *after.worker;
            if (losses_[after.id] + 1 >= kLossesMax) is_alone_[after.id] = is_alone(after);
        }
        if (change.cause == Cause::kSettle) count_settlement(change);
        if (change.cause == Cause::kRescue) count_rescue(change);
    }

 private:
    void count_settlement(const Change& change) {
        const auto& [before, after] = std::tie(*change.before, change.after);
        if (before.state == after.state) return;
        losses_[after.id] = 0;
        const auto kind = last_settled_.at(after.id).outcome.kind;
        const bool is_failure = kind == OutcomeKind::kPermanent ||
                                kind == OutcomeKind::kRetryable || kind == OutcomeKind::kTimeout;
        if (!is_failure && after.failures != before.failures) {
            violated(after, "had something counted as a failure that is none");
        }
    }

    void count_rescue(const Change& change) {
        const auto& [before, after] = std::tie(*change.before, change.after);
        if (after.failures != before.failures) violated(after, "had a loss counted as a failure");
        if (!was_in_outage(holder_.at(after.id))) ++losses_[after.id];
        if (after.state != JobState::kFailed) return;
        if (losses_[after.id] < kLossesMax) {
            violated(after, "was quarantined for losses that do not count");
        }
        if (!is_alone_[after.id]) violated(after, "was quarantined for a loss that others shared");
    }

    // Whether its worker holds no other job.
    bool is_alone(const storage::JobRecord& job) {
        return std::ranges::none_of(history().jobs(), [&](const auto& entry) {
            const auto& other = entry.second;
            return other.id != job.id && info(other.state).is_active && other.worker == job.worker;
        });
    }

    // A single lost worker is not a mass outage.
    bool was_in_outage(WorkerId worker) const {
        return std::ranges::any_of(outages_, [&](const auto& victims) {
            return victims.size() > 1 && victims.contains(worker);
        });
    }

    void violated(const storage::JobRecord& job, std::string_view what) {
        history().violated("8", fmt::format("{} {}", job.id.str(), what));
    }

    std::map<JobId, storage::SettledAttempt> last_settled_;
    std::map<JobId, std::set<Epoch>> preempted_;
    std::map<JobId, WorkerId> holder_;
    std::map<JobId, int> losses_;     // In a row, at most.
    std::map<JobId, bool> is_alone_;  // When it was claimed the last time.
    std::set<WorkerId> heard_;
    std::vector<std::set<WorkerId>> outages_;  // Their victims that keepers can know.
};

}  // namespace

void add_counting(History& history) {
    history.add(std::make_unique<Counting>(history));
}

}  // namespace millrace::simulation
