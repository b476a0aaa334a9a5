// The worker's side of the store, in memory: the same guards, on a clock of the test's, with faults
// on order. The calls of gateways and keepers do nothing.
//
// Threads:   thread-safe: one object serves all roles at once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/storage/job_store.h"

namespace millrace::test {

class FakeJobStore : public storage::JobStore {
 public:
    explicit FakeJobStore(const Clock& clock) : clock_(clock) {}

    // --- What a test does and looks at ---
    struct Fault {
        ErrorCode code = ErrorCode::kUnavailable;
        bool is_applied = false;  // The write happens, only its answer is lost.
    };
    // The next call of this name ("job_claim", "worker_heartbeat", …) fails so; several queue up.
    void fail_next(const std::string& call, Fault fault);
    // While down, every call is kUnavailable.
    void set_down(bool down);
    // An output that holds this text cannot be stored: its whole batch is kDataCorrupt.
    void set_poison(std::string text);
    int calls(const std::string& call) const;

    struct Row {
        JobSpec spec;
        JobState state = JobState::kQueued;
        Epoch epoch = 0;
        int attempt = 0;
        int failures = 0;
        int losses = 0;
        std::optional<WorkerId> worker;
        MonoTime ready_at;  // Queued since, or scheduled for.
        std::string output;
        std::string error_code;
        std::string partial;
        int settlements = 0;
        AttemptKey settled;  // The last settled attempt, …
        WorkerId settled_by;
    };
    JobId insert(JobSpec spec);
    Row row(const JobId& id) const;
    // For what another process would do to it.
    void change(const JobId& id, const std::function<void(Row&)>& change);
    std::vector<WorkerId> workers(storage::WorkerState state) const;
    void mark_lost(WorkerId worker);

    // --- JobStore: workers ---
    std::chrono::milliseconds database_time() const override;
    Status queue_register(const std::vector<std::string>& queues) override;
    Result<std::vector<storage::CancelledJob>> job_cancel(const std::vector<JobId>& ids) override;
    Status worker_register(const storage::WorkerInfo& worker) override;
    Result<storage::HeartbeatReply> worker_heartbeat(WorkerId worker) override;
    Status worker_drain(WorkerId worker) override;
    Status worker_stop(WorkerId worker) override;
    Result<std::vector<AttemptKey>> worker_active(WorkerId worker) override;
    Result<std::vector<storage::Claim>> job_claim(WorkerId worker,
                                                  const std::vector<JobId>& ids) override;
    Result<std::vector<ClaimedJob>> job_steal(WorkerId worker,
                                              const storage::StealRequest& request) override;
    Result<std::vector<std::pair<JobId, JobSpec>>> job_specs(
        const std::vector<JobId>& ids) override;
    Result<std::vector<storage::SettledReply>> job_settle(
        WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) override;
    Status partial_save(WorkerId worker,
                        const std::vector<storage::PartialCheckpoint>& partials) override;

    // --- JobStore: gateways and keepers; nothing happens ---
    Status store_probe() override { return ok(); }
    Result<std::vector<std::pair<std::string, std::string>>> model_list() override {
        return std::vector<std::pair<std::string, std::string>>{};
    }
    Result<std::vector<storage::InsertedJob>> job_insert(
        const std::vector<storage::NewJob>&) override {
        return std::vector<storage::InsertedJob>{};
    }
    Result<std::vector<storage::JobRecord>> job_get(const std::vector<JobId>&,
                                                    storage::JobFields) override {
        return std::vector<storage::JobRecord>{};
    }
    Result<JobPage> job_list(const storage::JobFilter&) override { return JobPage{}; }
    Result<std::vector<storage::LaneStats>> lane_stats() override {
        return std::vector<storage::LaneStats>{};
    }
    Result<std::vector<storage::WorkerRecord>> worker_list() override {
        return std::vector<storage::WorkerRecord>{};
    }
    Result<storage::DutyPage> keeper_release(int) override { return storage::DutyPage{}; }
    Result<storage::DutyPage> keeper_expire(int) override { return storage::DutyPage{}; }
    Result<storage::DutyPage> keeper_end_overdue(milliseconds, int) override {
        return storage::DutyPage{};
    }
    Result<storage::DutyPage> keeper_rescue(const storage::RescueLimits&) override {
        return storage::DutyPage{};
    }
    Result<std::vector<storage::WorkerPulse>> worker_pulses() override {
        return std::vector<storage::WorkerPulse>{};
    }
    Status worker_mark_lost(const std::vector<storage::WorkerPulse>&) override { return ok(); }
    Result<int> idempotency_purge(std::chrono::seconds, int) override { return 0; }
    Result<int> worker_purge(std::chrono::seconds, int) override { return 0; }
    Result<int> partition_rotate(const storage::PartitionPolicy&) override { return 0; }

 private:
    template <class Body>
    auto call(const std::string& name, Body body) -> decltype(body());

    bool is_held(const Row& row, WorkerId worker, Epoch epoch) const;
    bool is_alive(WorkerId worker) const;
    storage::Claim claim_row(const JobId& id, Row& row, WorkerId worker);
    storage::SettledReply settle_row(WorkerId worker, const storage::SettledAttempt& attempt);

    const Clock& clock_;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::map<JobId, Row> rows_;
    std::map<WorkerId, storage::WorkerState> workers_;
    std::map<std::string, std::deque<Fault>> faults_;
    std::map<std::string, int> calls_;
    std::string poison_;
    bool down_ = false;
    std::uint8_t last_id_ = 0;
};

}  // namespace millrace::test
