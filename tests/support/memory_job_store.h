// A JobStore in memory, with the contract of the real one, for tests and simulations.
//
// All stores of a test share a MemoryDatabase: the rows, and the clock that PostgreSQL would have.
// Ages and deadlines use that clock's wall time, so that a test can step it.
//
// It refuses what PostgreSQL refuses: unknown queues, text with a zero byte, existing ids. Both
// must pass the suite in tests/conformance/storage. Partitions, and with them the retention of
// jobs, do not exist here.
//
// Threads:   MemoryDatabase is thread-safe: every call of a store is one transaction.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/storage/job_store.h"
#include "tests/support/mutation.h"

namespace millrace::test {

class MemoryDatabase {
 public:
    explicit MemoryDatabase(const Clock& clock) : clock_(clock) {}

    // The job as a store would return it, with all fields; for assertions.
    std::optional<storage::JobRecord> job(JobId id) const;
    std::size_t job_count() const;

    // While held, keepers of this duty ("release", "expire", "overdue", "rescue") do not lead.
    void hold_duty(const std::string& duty, bool held);

    // Removes this guard from now on.
    void leave_out(Mutation guard) { left_out_ = guard; }

 private:
    friend class MemoryJobStore;

    struct Row {
        storage::NewJob job;
        JobSpec spec;               // Decoded.
        storage::JobRecord record;  // Without input, output and partial text.
        int losses = 0;
        bool is_confined = false;
        std::optional<storage::DbTime> claim_by;  // While waiting: expires if not claimed by then.
        std::optional<storage::DbTime> deadline;  // While active.
        std::optional<std::string> output;
        std::optional<std::string> partial;  // While active.
    };
    struct Worker {
        storage::WorkerInfo info;
        storage::WorkerState state = storage::WorkerState::kAlive;
        std::int64_t heartbeats = 0;
        storage::DbTime started_at;
        storage::DbTime heard_at;
        bool lost_in_outage = false;
    };
    struct Key {
        JobId job;
        std::array<std::uint8_t, 32> fingerprint{};
        std::optional<storage::DbTime> expires_at;
    };
    using ScopedKey = std::pair<storage::IdempotencyKey::Scope, std::string>;

    // The row as a store returns it. Requires: the lock is held.
    storage::JobRecord shown(const Row& row, storage::JobFields fields) const;

    bool lacks(Mutation guard) const { return left_out_ == guard; }

    const Clock& clock_;
    std::optional<Mutation> left_out_;

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    std::set<std::string> queues_;
    std::set<std::pair<std::string, std::string>> models_;
    std::map<JobId, Row> rows_;
    std::map<WorkerId, Worker> workers_;
    std::map<ScopedKey, Key> keys_;
    std::set<std::string> held_duties_;
    std::set<WorkerId> rescued_;  // Rescues run once if they are not level-triggered.
};

class MemoryJobStore : public storage::JobStore {
 public:
    explicit MemoryJobStore(MemoryDatabase& database) : db_(database) {}

    std::chrono::milliseconds database_time() const override;
    Status store_probe() override;
    Status queue_register(const std::vector<std::string>& queues) override;
    Result<std::vector<storage::KnownModel>> model_list() override;

    Result<std::vector<storage::InsertedJob>> job_insert(
        const std::vector<storage::NewJob>& jobs) override;
    Result<std::vector<storage::JobRecord>> job_get(const std::vector<JobId>& ids,
                                                    storage::JobFields fields) override;
    Result<std::vector<std::pair<std::string, JobId>>> job_find(
        const std::vector<std::string>& client_ids) override;
    Result<JobPage> job_list(const storage::JobFilter& filter, int look_max) override;
    Result<Count> job_count(const storage::JobFilter& filter, int look_max) override;
    Result<std::vector<storage::CancelledJob>> job_cancel(const std::vector<JobId>& ids) override;
    Result<CancelledPage> job_cancel_matching(const storage::JobFilter& filter,
                                              int look_max) override;
    Result<std::vector<storage::LaneStats>> lane_stats() override;
    Result<std::vector<storage::LaneAge>> lane_ages(std::size_t limit) override;
    Result<std::vector<storage::WorkerRecord>> worker_list() override;

    Status worker_register(const storage::WorkerInfo& worker) override;
    Status worker_announce(WorkerId worker, const std::vector<std::string>& models) override;
    Result<storage::HeartbeatReply> worker_heartbeat(WorkerId worker) override;
    Status worker_drain(WorkerId worker) override;
    Status worker_stop(WorkerId worker) override;
    Result<std::vector<AttemptKey>> worker_active(WorkerId worker) override;
    Result<std::vector<Claim>> job_claim(WorkerId worker, const std::vector<JobId>& ids) override;
    Result<storage::StolenJobs> job_steal(WorkerId worker,
                                          const storage::StealRequest& request) override;
    Result<std::optional<ClaimedJob>> job_claim_confined(WorkerId worker) override;
    Result<std::vector<std::pair<JobId, JobSpec>>> job_specs(
        const std::vector<JobId>& ids) override;
    Result<std::vector<storage::SettledReply>> job_settle(
        WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) override;
    Status partial_save(WorkerId worker,
                        const std::vector<storage::PartialCheckpoint>& partials) override;

    Result<storage::DutyPage> keeper_release(int page) override;
    Result<storage::DutyPage> keeper_expire(int page) override;
    Result<storage::DutyPage> keeper_end_overdue(milliseconds grace, int page) override;
    Status keeper_reset_deadlines() override;
    Result<storage::DutyPage> keeper_rescue(const storage::RescueLimits& limits) override;
    Result<std::vector<storage::WorkerPulse>> worker_pulses() override;
    Status worker_mark_lost(const std::vector<storage::WorkerPulse>& silent, bool mass_outage,
                            milliseconds together) override;
    Result<storage::KeyPurge> idempotency_purge(const storage::KeyCursor& from,
                                                std::chrono::seconds retention, int page) override;
    Result<int> worker_purge(std::chrono::seconds retention, int page) override;
    Result<int> partial_purge(int page) override;
    Result<storage::RotationStep> partition_rotate(const storage::PartitionPolicy& policy) override;

 protected:
    // Whether the worker is alive, as a claim sees it in its snapshot.
    virtual bool may_claim(WorkerId worker) const;

 private:
    using Row = MemoryDatabase::Row;

    storage::DbTime now() const { return db_.clock_.wall(); }
    // How an attempt ended, and the resulting state of the job.
    struct Ending {
        JobState next = JobState::kQueued;
        OutcomeKind outcome = OutcomeKind::kLost;
        std::string error_code;
        std::string error_message;
    };

    Status check_queue(const std::string& queue) const;
    Status check(const storage::NewJob& job) const;
    storage::InsertedJob insert(const storage::NewJob& job);
    // The key that makes the new job a repetition of an existing one; null if it may be created.
    const MemoryDatabase::Key* holder_of_key(const storage::NewJob& job) const;
    void take_key(const storage::NewJob& job);
    // Passes the jobs of a list to `take` until it has enough, or until `look_max` were looked at;
    // in the latter case returns the last of these.
    std::optional<JobId> look(const storage::JobFilter& filter, int look_max, bool ascending,
                              const std::function<bool(const storage::JobRecord&)>& take) const;
    storage::CancelledJob cancel(Row& row);
    bool is_in(WorkerId worker, std::initializer_list<storage::WorkerState> states) const;
    bool lost_in_outage(WorkerId worker) const;
    bool has_lease(WorkerId worker) const;
    void leave(WorkerId worker, storage::WorkerState state);
    bool claimable(const Row& row) const;
    bool serves(const storage::WorkerInfo& worker, const Row& row) const;
    bool holds_any(WorkerId worker) const;
    // The worker for which the confined job waits; see worker_heartbeat.sql.
    std::optional<WorkerId> awaited_by(const Row& row) const;
    // The deadline of an attempt that begins now.
    storage::DbTime deadline_of(const Row& row) const;
    Claim claim(Row& row, WorkerId worker);
    // Whether the attempt runs, and the worker holds it.
    bool holds(const Row& row, AttemptKey key, WorkerId worker) const;
    void settle(Row& row, const storage::SettledAttempt& attempt);
    void end_attempt(Row& row, const Ending& ending);
    static void count(Row& row, storage::CountedAs counted);
    void end_waiting(Row& row, JobState state, const std::string& code);
    bool is_orphan(const Row& row) const;
    Ending ending_of_overdue(const Row& row) const;
    Ending ending_of_orphan(const Row& row, bool in_good_order,
                            const storage::RescueLimits& limits) const;
    // Calls `move` with each row that is due, in order of id, until a page is full.
    storage::DutyPage sweep(const std::string& duty, int page,
                            const std::function<bool(const Row&)>& due,
                            const std::function<void(Row&)>& move);

    MemoryDatabase& db_;
};

}  // namespace millrace::test
