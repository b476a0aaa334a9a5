// Invariant 4: nothing starts without a live lease, and no keeper has ended a lease that its worker
// believes in. And no worker is declared lost that was heard within the ttl, or that could not be
// heard because the database was away.
#include "tests/simulation/checkers/checkers.h"
#include "tests/simulation/process.h"
#include "tests/simulation/worker_process.h"

namespace millrace::simulation {
namespace {

// The maximum time between two looks of a keeper; after a longer gap the keeper starts again.
constexpr milliseconds kGapMax = kLeaseTtl / 3 + milliseconds(500);

class Leases : public Checker {
 public:
    using Checker::Checker;

    void heard_of(WorkerId worker) override { heard_at_[worker] = time_with_store(); }
    // Keepers do not notice a moment's absence.
    void store_was_away(microseconds time) override {
        if (time > kGapMax) away_ += time;
    }

    void marked_lost(WorkerId worker) override {
        lost_.insert(worker);
        const auto silent = time_with_store() - heard_at_.at(worker);
        // A keeper's clock may be fast.
        const auto least =
            microseconds(kLeaseTtl) * (1000000 - SkewedClock::kRateErrorMax) / 1000000;
        if (silent >= least) return;
        history().violated("8", worker.str() + " was declared lost before it was silent for a ttl");
    }

    void stopped(WorkerId worker) override { lost_.insert(worker); }

    // A rescue takes jobs only from workers that are gone.
    void changed(const Change& change) override {
        if (change.cause == Cause::kClaim) holder_[change.after.id] = *change.after.worker;
        if (change.cause != Cause::kRescue || lost_.contains(holder_[change.after.id])) return;
        history().violated("3", change.after.id.str() + " was taken from a live worker");
    }

    void started(const StartedAttempt& attempt) override {
        if (!attempt.worker) {
            history().violated("4", attempt.key.job.str() + " started on a lapsed lease");
        } else if (lost_.contains(*attempt.worker)) {
            history().violated("4", attempt.key.job.str() + " was started by a lost worker");
        }
    }

 private:
    // Silence counts only while the store is reachable.
    MonoTime time_with_store() { return history().world().now() - away_; }

    std::map<WorkerId, MonoTime> heard_at_;  // By time_with_store().
    std::set<WorkerId> lost_;                // Or stopped in good order.
    std::map<JobId, WorkerId> holder_;
    microseconds away_{0};  // In total.
};

}  // namespace

void add_leases(History& history) {
    history.add(std::make_unique<Leases>(history));
}

}  // namespace millrace::simulation
