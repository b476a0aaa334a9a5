// The JobStore on one session. Internal to this folder: postgres_job_store.h opens it.
//
// Split by caller: client_calls.cc, insert_calls.cc, worker_calls.cc, settle_calls.cc,
// keeper_calls.cc. Every call runs statements of sql/ by name, with its parameters as arrays and
// its rows as values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/storage/job_store.h"
#include "common/storage/postgres/session.h"

namespace millrace::storage::postgres {

class PostgresJobStore final : public JobStore {
 public:
    explicit PostgresJobStore(const PostgresOptions& options)
        : options_(options), session_(options) {}

    milliseconds database_time() const override { return session_.database_time(); }
    Status store_probe() override;
    Status queue_register(const std::vector<std::string>& queues) override;
    Result<std::vector<KnownModel>> model_list() override;

    Result<std::vector<InsertedJob>> job_insert(const std::vector<NewJob>& jobs) override;
    Result<std::vector<JobRecord>> job_get(const std::vector<JobId>& ids,
                                           JobFields fields) override;
    Result<std::vector<std::pair<std::string, JobId>>> job_find(
        const std::vector<std::string>& client_ids) override;
    Result<JobPage> job_list(const JobFilter& filter, int look_max) override;
    Result<Count> job_count(const JobFilter& filter, int look_max) override;
    Result<std::vector<CancelledJob>> job_cancel(const std::vector<JobId>& ids) override;
    Result<CancelledPage> job_cancel_matching(const JobFilter& filter, int look_max) override;
    Result<std::vector<LaneStats>> lane_stats() override;
    Result<std::vector<LaneAge>> lane_ages(std::size_t limit) override;
    Result<std::vector<WorkerRecord>> worker_list() override;

    Status worker_register(const WorkerInfo& worker) override;
    Status worker_announce(WorkerId worker, const std::vector<std::string>& models) override;
    Result<HeartbeatReply> worker_heartbeat(WorkerId worker) override;
    Status worker_drain(WorkerId worker) override;
    Status worker_stop(WorkerId worker) override;
    Result<std::vector<AttemptKey>> worker_active(WorkerId worker) override;
    Result<std::vector<Claim>> job_claim(WorkerId worker, const std::vector<JobId>& ids) override;
    Result<StolenJobs> job_steal(WorkerId worker, const StealRequest& request) override;
    Result<std::optional<ClaimedJob>> job_claim_confined(WorkerId worker) override;
    Result<std::vector<std::pair<JobId, JobSpec>>> job_specs(
        const std::vector<JobId>& ids) override;
    Result<std::vector<SettledReply>> job_settle(
        WorkerId worker, const std::vector<SettledAttempt>& attempts) override;
    Status partial_save(WorkerId worker, const std::vector<PartialCheckpoint>& partials) override;

    Result<DutyPage> keeper_release(int page) override;
    Result<DutyPage> keeper_expire(int page) override;
    Result<DutyPage> keeper_end_overdue(milliseconds grace, int page) override;
    Status keeper_reset_deadlines() override;
    Result<DutyPage> keeper_rescue(const RescueLimits& limits) override;
    Result<std::vector<WorkerPulse>> worker_pulses() override;
    Status worker_mark_lost(const std::vector<WorkerPulse>& silent, bool mass_outage,
                            milliseconds together) override;
    Result<KeyPurge> idempotency_purge(const KeyCursor& from, std::chrono::seconds retention,
                                       int page) override;
    Result<int> worker_purge(std::chrono::seconds retention, int page) override;
    Result<int> partial_purge(int page) override;
    Result<RotationStep> partition_rotate(const PartitionPolicy& policy) override;

 private:
    // The advisory lock of each keeper duty; other versions use the same numbers.
    enum class Duty { kRelease = 1, kExpire = 2, kEndOverdue = 3, kRescue = 4, kHousekeeping = 5 };

    Status read_queues();
    Result<std::int16_t> queue_id(const std::string& queue);
    // Fills in the replies of jobs whose key was taken, from the jobs that have it.
    Status find_winners(const std::vector<NewJob>& jobs, std::vector<InsertedJob>& replies,
                        const std::vector<std::size_t>& losers);
    Status add_attempts(std::vector<JobRecord>& jobs);
    Status set_worker_state(WorkerId worker, WorkerState state);
    // Marks as accepted what an earlier call, whose answer was lost, has already settled.
    Status recognise_settled(WorkerId worker, const std::vector<SettledAttempt>& attempts,
                             std::vector<SettledReply>& replies);
    // Runs `body` in a transaction of the duty if this keeper leads it; returns whether it did.
    Result<bool> lead(Duty duty, const char* statement, const Session::Body& body);
    // Runs one page of a keeper_* statement with these parameters.
    template <class... Parameters>
    Result<DutyPage> move_page(Duty duty, const char* statement, const Parameters&... parameters);
    // Executes a statement that removes rows and returns how many.
    template <class... Parameters>
    Result<int> purge(const char* statement, const Parameters&... parameters);

    const PostgresOptions options_;
    Session session_;
    std::map<std::string, std::int16_t> queue_ids_;
};

}  // namespace millrace::storage::postgres
