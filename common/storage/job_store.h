// The truth about all jobs: each read or write of it is one call.
//
// A job exists once its row is committed here. Every write is one guarded statement (or one
// transaction of them): writes about an attempt carry its whole fence (job, epoch, worker and an
// active state); all others carry the states that they may change. Nothing is read first and
// written later.
//
// Calls take batches, because a commit costs more than a row. Each call locks ids in ascending
// order, so that two calls cannot deadlock.
//
// Threads: one caller at a time. A part of a program that needs its own pace opens its own store.
// Blocks:  every call, up to the store's statement timeout.
// Errors:  kUnavailable     nothing was changed; retry with backoff;
//          kOutcomeUnknown  a commit's answer was lost: re-read, then decide;
//          kDataCorrupt     a row of the batch cannot be stored: split the batch to find it;
//          kInvalidArgument a name is unknown (queue).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/housekeeping.h"
#include "common/storage/records.h"

namespace millrace::storage {

class JobStore {
 public:
    virtual ~JobStore() = default;

    // The current time of PostgreSQL's clock, estimated from its last reading and the local
    // monotonic clock. Zero until the first reading. Never blocks.
    virtual std::chrono::milliseconds database_time() const = 0;

    // Commits a write without lasting effect, which proves that jobs can be accepted.
    virtual Status store_probe() = 0;

    // Registers the queues; idempotent. Inserts, registrations and steals must use a known queue.
    virtual Status queue_register(const std::vector<std::string>& queues) = 0;

    // The models that workers of a queue have ever announced.
    virtual Result<std::vector<KnownModel>> model_list() = 0;

    // --- Clients and gateways ---

    // All or nothing; one reply per job, in order. After kOutcomeUnknown, ask job_get for the ids.
    // Among jobs with the same idempotency key, also within one call, only the first is made; the
    // replies for the others carry its id. Retries have such keys. The job that a retry repeats is
    // final and cannot change, so it may be read beforehand.
    virtual Result<std::vector<InsertedJob>> job_insert(const std::vector<NewJob>& jobs) = 0;

    // The jobs that exist, in no particular order.
    virtual Result<std::vector<JobRecord>> job_get(const std::vector<JobId>& ids,
                                                   JobFields fields) = 0;
    // The jobs to which clients gave these ids; unknown ids are left out.
    virtual Result<std::vector<std::pair<std::string, JobId>>> job_find(
        const std::vector<std::string>& client_ids) = 0;
    // A page: the matches, at most `filter.limit`, among the next `look_max` jobs after
    // `filter.after`. So it may be short, or empty, without being the last.
    struct JobPage {
        std::vector<JobRecord> jobs;
        bool has_more = false;      // The page is full, and another job matches.
        std::optional<JobId> next;  // Where to continue, if it stopped at `look_max`.
    };
    virtual Result<JobPage> job_list(const JobFilter& filter, int look_max) = 0;
    // The number of matches among the next `look_max` jobs after `filter.after`, oldest first,
    // whatever the order of the filter.
    struct Count {
        std::int64_t matching = 0;
        std::optional<JobId> next;  // As in JobPage.
    };
    virtual Result<Count> job_count(const JobFilter& filter, int look_max) = 0;

    // Scheduled, blocked and queued jobs become cancelled, running ones cancelling; final ones stay
    // as they are. The reply leaves out ids that do not exist.
    virtual Result<std::vector<CancelledJob>> job_cancel(const std::vector<JobId>& ids) = 0;
    struct CancelledPage {
        std::vector<CancelledJob> jobs;  // Those that this call made cancelled or cancelling.
        std::optional<JobId> next;       // `after` of the next page; none: it was the last.
    };
    // Does the same to the next open jobs that match, at most `filter.limit`, oldest first,
    // whatever the order of the filter. Looks at `look_max` open jobs after `filter.after`, whether
    // they match or not. Jobs that are already cancelling do not match.
    virtual Result<CancelledPage> job_cancel_matching(const JobFilter& filter, int look_max) = 0;

    // Every lane, with counts that cost no more when backlogs are long.
    virtual Result<std::vector<LaneStats>> lane_stats() = 0;
    // The lanes and models that have queued jobs, the oldest first; one index probe for each,
    // however long the backlog. At most `limit`: if there are as many, some may be missing.
    virtual Result<std::vector<LaneAge>> lane_ages(std::size_t limit) = 0;
    // Live workers, and those that stopped or were lost recently.
    virtual Result<std::vector<WorkerRecord>> worker_list() = 0;

    // --- Workers ---

    // Registers a new incarnation, which is alive from now on, and announces its models to its
    // queues. Repeating the call changes nothing, and revives no worker.
    virtual Status worker_register(const WorkerInfo& worker) = 0;
    // Sets the models that a worker serves from now on, and announces them to its queues. A worker
    // without a lease stays as it is.
    virtual Status worker_announce(WorkerId worker, const std::vector<std::string>& models) = 0;
    virtual Result<HeartbeatReply> worker_heartbeat(WorkerId worker) = 0;
    // Marks the worker as draining: it takes no more jobs but keeps its lease.
    virtual Status worker_drain(WorkerId worker) = 0;
    // Marks the worker as stopped in good order; jobs that it still holds are rescued without
    // counting as a loss.
    virtual Status worker_stop(WorkerId worker) = 0;
    // The attempts that, according to the store, this worker holds.
    virtual Result<std::vector<AttemptKey>> worker_active(WorkerId worker) = 0;

    // Claims jobs for a live worker: queued and not expired → in progress, epoch + 1. Ids that are
    // missing from the reply were cancelled, claimed elsewhere, expired, confined or unknown.
    virtual Result<std::vector<Claim>> job_claim(WorkerId worker,
                                                 const std::vector<JobId>& ids) = 0;
    // Claims ready jobs of one lane and model, those first that have waited longest.
    virtual Result<StolenJobs> job_steal(WorkerId worker, const StealRequest& request) = 0;
    // Claims the oldest confined job that the worker can serve, if it holds no job. A job is
    // confined if its next loss would quarantine it: it runs alone on its worker, which must claim
    // nothing else meanwhile.
    virtual Result<std::optional<ClaimedJob>> job_claim_confined(WorkerId worker) = 0;
    // Unknown jobs, and those whose spec cannot be read, are left out.
    virtual Result<std::vector<std::pair<JobId, JobSpec>>> job_specs(
        const std::vector<JobId>& ids) = 0;

    // Carries out each settlement under the fence of its attempt; one reply per attempt, in order.
    // A job that is cancelling and did not complete becomes cancelled, whatever the settlement.
    // After kOutcomeUnknown, send the same again: an attempt that the first call settled is
    // recognised by its epoch, worker and outcome and reported as accepted.
    virtual Result<std::vector<SettledReply>> job_settle(
        WorkerId worker, const std::vector<SettledAttempt>& attempts) = 0;

    // Saves checkpoints of running attempts; those that this worker no longer holds are ignored.
    virtual Status partial_save(WorkerId worker,
                                const std::vector<PartialCheckpoint>& partials) = 0;

    // --- Keeper duties: each call is one page, in one transaction under the duty's lock ---

    virtual Result<DutyPage> keeper_release(int page) = 0;  // Scheduled and due → queued.
    virtual Result<DutyPage> keeper_expire(int page) = 0;   // Waiting past its time → expired.
    // Attempts past their deadline by more than `grace` → expired, queued for the next attempt,
    // failed or cancelled.
    virtual Result<DutyPage> keeper_end_overdue(milliseconds grace, int page) = 0;
    // Restarts the deadlines of all running attempts. For use after PostgreSQL's clock stepped,
    // when it no longer shows how long they have run. Only keeper_end_overdue depends on these
    // deadlines; workers time their attempts themselves. Not paged: there are at most as many
    // attempts as slots.
    virtual Status keeper_reset_deadlines() = 0;
    // Active jobs of workers that are not alive → queued (or cancelled, expired, or failed by
    // quarantine).
    virtual Result<DutyPage> keeper_rescue(const RescueLimits& limits) = 0;

    // The pulses of workers that are alive or draining. Also makes database_time() exact again.
    virtual Result<std::vector<WorkerPulse>> worker_pulses() = 0;
    // Declares workers lost; they are never revived. Affects only those whose pulse is still the
    // one seen, so a late heartbeat wins. Attempts lost with a worker in a mass outage do not count
    // against their jobs (invariant 8 of ARCHITECTURE.md). A worker last heard from within
    // `together` of one lost in an outage counts as part of it, whatever `mass_outage` says:
    // keepers forget, and another one may lead by now.
    virtual Status worker_mark_lost(const std::vector<WorkerPulse>& silent, bool mass_outage,
                                    milliseconds together) = 0;

    // Housekeeping; each call returns how many rows or partitions it removed or made.
    // Removes keys whose lifetime is over, and keys without one whose job is older than `retention`
    // and gone. Looks at `page` keys of each kind after the cursor; at the end it starts over.
    virtual Result<KeyPurge> idempotency_purge(const KeyCursor& from,
                                               std::chrono::seconds retention, int page) = 0;
    virtual Result<int> worker_purge(std::chrono::seconds retention, int page) = 0;
    // Removes checkpoints that were being saved when their attempt ended.
    virtual Result<int> partial_purge(int page) = 0;
    // Takes one step towards partitions that are made ahead and dropped when old. No other call
    // waits for it for longer than `policy.swap_time`. Whatever is interrupted, the next step
    // continues.
    virtual Result<RotationStep> partition_rotate(const PartitionPolicy& policy) = 0;
};

// Opens a store with its own connection. Never fails: the connection is made when it is needed and
// replaced when it breaks. Thread-safe.
using OpenStore = std::function<std::unique_ptr<JobStore>()>;

}  // namespace millrace::storage
