// The database of the simulated world: the one in memory, which reports to the history what each
// call changed, and a clock that may step.
#pragma once

#include "tests/simulation/history.h"
#include "tests/support/memory_job_store.h"

namespace millrace::simulation {

class DatabaseClock : public Clock {
 public:
    explicit DatabaseClock(const World& world) : world_(world) {}
    MonoTime now() const override { return world_.now(); }
    WallTime wall() const override;

    void step(microseconds by) { offset_ += by; }

 private:
    const World& world_;
    microseconds offset_{0};
};

// The end of every connection's calls.
class Database : public test::MemoryJobStore {
 public:
    Database(test::MemoryDatabase& database, History& history)
        : MemoryJobStore(database), history_(history) {}

    // --- Calls whose callers have given up ---
    void expect_call() { ++calls_expected_; }
    bool expects_calls() const { return calls_expected_ > 0; }
    std::set<WorkerId> alive();
    // Carries out an expected call; null: it was lost. It sees the workers that were alive when it
    // was sent.
    void carry_out(const std::function<void()>& call, const std::set<WorkerId>& alive_then);

    // --- JobStore ---

    Result<std::vector<storage::InsertedJob>> job_insert(
        const std::vector<storage::NewJob>& jobs) override;
    Result<std::vector<storage::CancelledJob>> job_cancel(const std::vector<JobId>& ids) override;
    Result<CancelledPage> job_cancel_matching(const storage::JobFilter& filter,
                                              int look_max) override;
    Status worker_register(const storage::WorkerInfo& worker) override;
    Result<storage::HeartbeatReply> worker_heartbeat(WorkerId worker) override;
    Result<std::vector<Claim>> job_claim(WorkerId worker, const std::vector<JobId>& ids) override;
    Result<storage::StolenJobs> job_steal(WorkerId worker,
                                          const storage::StealRequest& request) override;
    Result<std::optional<ClaimedJob>> job_claim_confined(WorkerId worker) override;
    Result<std::vector<storage::SettledReply>> job_settle(
        WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) override;
    Result<storage::DutyPage> keeper_release(int page) override;
    Result<storage::DutyPage> keeper_expire(int page) override;
    Result<storage::DutyPage> keeper_end_overdue(milliseconds grace, int page) override;
    Result<storage::DutyPage> keeper_rescue(const storage::RescueLimits& limits) override;
    Status worker_mark_lost(const std::vector<storage::WorkerPulse>& silent, bool mass_outage,
                            milliseconds together) override;
    Status worker_stop(WorkerId worker) override;

 protected:
    bool may_claim(WorkerId worker) const override;

 private:
    Result<storage::DutyPage> moved(Result<storage::DutyPage> page, Cause cause);
    void tell_claim(WorkerId worker, const Claim& claim);

    History& history_;
    int calls_expected_ = 0;
    std::set<WorkerId> alive_then_;  // For the call that arrives late.
};

}  // namespace millrace::simulation
