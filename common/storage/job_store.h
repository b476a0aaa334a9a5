// The truth about all jobs: every read and write of it, as one call each.
//
// A job exists when its row is committed here. Every write is one guarded statement (or one
// transaction of them): writes about an attempt carry its whole fence (job, epoch, worker and an
// active state), all others carry the states that they may change. Nothing is read first and
// written later.
//
// Calls take batches, because a commit costs more than a row. Within one call ids are locked in
// ascending order, so that two calls cannot deadlock.
//
// Threads: one caller at a time. A role that wants its own pace opens its own store.
// Blocks:  every call, up to the store's statement timeout.
// Errors:  kUnavailable     nothing was changed; retry with backoff;
//          kOutcomeUnknown  a commit's answer was lost: re-read, then decide;
//          kDataCorrupt     a row of the batch cannot be stored: split the batch to find it;
//          kInvalidArgument a name is unknown (queue).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"

namespace millrace::storage {

class JobStore {
 public:
    virtual ~JobStore() = default;

    // PostgreSQL's clock as of now, estimated from the last reply and the local monotonic clock.
    // Zero until the first reply. Never blocks.
    virtual std::chrono::milliseconds database_time() const = 0;

    // Commits a write and throws it away: proves that jobs can be accepted.
    virtual Status store_probe() = 0;

    // Makes the queues known; idempotent. Who inserts, registers or steals may name no others.
    virtual Status queue_register(const std::vector<std::string>& queues) = 0;

    // Models that some worker of a queue has ever announced.
    virtual Result<std::vector<KnownModel>> model_list() = 0;

    // --- Clients and gateways ---

    // All or nothing; one reply per job, in order. After kOutcomeUnknown ask job_get for the ids.
    // Of jobs with one idempotency key only the first is made, also among those of one call; the
    // others are replies with its id. Retries are such jobs: what they repeat is final and cannot
    // change, so it may be read before.
    virtual Result<std::vector<InsertedJob>> job_insert(const std::vector<NewJob>& jobs) = 0;

    // Those that exist, in no particular order.
    virtual Result<std::vector<JobRecord>> job_get(const std::vector<JobId>& ids,
                                                   JobFields fields) = 0;
    // Which jobs clients gave these ids to; unknown ones are left out.
    virtual Result<std::vector<std::pair<std::string, JobId>>> job_find(
        const std::vector<std::string>& client_ids) = 0;
    // A page: `filter.limit` jobs at most, of the next `look_max` after `filter.after`, whether
    // they match or not. So it may be short, or empty, and not the last.
    struct JobPage {
        std::vector<JobRecord> jobs;
        bool has_more = false;      // The page is full, and another job matches.
        std::optional<JobId> next;  // It stopped at `look_max`: where the next look goes on.
    };
    virtual Result<JobPage> job_list(const JobFilter& filter, int look_max) = 0;
    // How many of the next `look_max` jobs after `filter.after` match, oldest first, whatever the
    // order of the filter.
    struct Count {
        std::int64_t matching = 0;
        std::optional<JobId> next;  // As of a page.
    };
    virtual Result<Count> job_count(const JobFilter& filter, int look_max) = 0;

    // Scheduled, blocked and queued jobs become cancelled, running ones cancelling; final ones stay
    // as they are. Ids that do not exist are left out of the reply.
    virtual Result<std::vector<CancelledJob>> job_cancel(const std::vector<JobId>& ids) = 0;
    struct CancelledPage {
        std::vector<CancelledJob> jobs;  // Cancelled or cancelling by this call.
        std::optional<JobId> next;       // Where the next page goes on; none: all were looked at.
    };
    // The same with the next `filter.limit` of the open jobs that match, oldest first, whatever the
    // order of the filter; looks at `look_max` jobs after `filter.after`, whether they match or
    // not. Jobs that are cancelling already do not match.
    virtual Result<CancelledPage> job_cancel_matching(const JobFilter& filter, int look_max) = 0;

    virtual Result<std::vector<LaneStats>> lane_stats() = 0;
    // Of every lane; a probe of the index each, however long the backlog.
    virtual Result<std::vector<LaneAge>> lane_ages() = 0;
    // Live ones, and those that stopped or were lost recently.
    virtual Result<std::vector<WorkerRecord>> worker_list() = 0;

    // --- Workers ---

    // A new incarnation: alive from now on. Announces its models to its queues. The same again
    // changes nothing, and revives nobody.
    virtual Status worker_register(const WorkerInfo& worker) = 0;
    // The models that a worker serves from now on; announced to its queues like those of its start.
    // One that has no lease is left as it is.
    virtual Status worker_announce(WorkerId worker, const std::vector<std::string>& models) = 0;
    virtual Result<HeartbeatReply> worker_heartbeat(WorkerId worker) = 0;
    // Takes no more jobs, but keeps its lease.
    virtual Status worker_drain(WorkerId worker) = 0;
    // Gone in good order; what it still held is rescued without counting as a loss.
    virtual Status worker_stop(WorkerId worker) = 0;
    // What the store thinks this worker holds.
    virtual Result<std::vector<AttemptKey>> worker_active(WorkerId worker) = 0;

    // Queued, not expired → in progress, epoch + 1, for a live worker. Ids that are not returned
    // were cancelled, claimed elsewhere, expired or unknown.
    virtual Result<std::vector<Claim>> job_claim(WorkerId worker,
                                                 const std::vector<JobId>& ids) = 0;
    // Claims ready jobs of one lane that the worker can serve, the oldest by their ids first.
    virtual Result<std::vector<ClaimedJob>> job_steal(WorkerId worker,
                                                      const StealRequest& request) = 0;
    virtual Result<std::vector<std::pair<JobId, JobSpec>>> job_specs(
        const std::vector<JobId>& ids) = 0;

    // Carries out each settlement under the fence of its attempt; one reply per attempt, in order.
    // A job that is cancelling and did not complete becomes cancelled, whatever the settlement.
    // After kOutcomeUnknown: send the same again; an attempt that was already settled by this very
    // call is recognised by its epoch and worker and reported as accepted.
    virtual Result<std::vector<SettledReply>> job_settle(
        WorkerId worker, const std::vector<SettledAttempt>& attempts) = 0;

    // Checkpoints of running attempts; those that are not this worker's any more are ignored.
    virtual Status partial_save(WorkerId worker,
                                const std::vector<PartialCheckpoint>& partials) = 0;

    // --- Keeper duties: each call is one page in one transaction under the duty's advisory lock
    // ---

    virtual Result<DutyPage> keeper_release(int page) = 0;  // Scheduled and due → queued.
    virtual Result<DutyPage> keeper_expire(int page) = 0;   // Waiting past its time → expired.
    // Attempts past their deadline by more than `grace`: → expired, or the next try, or failed.
    virtual Result<DutyPage> keeper_end_overdue(milliseconds grace, int page) = 0;
    // After PostgreSQL's clock stepped nobody can tell from it how long attempts have run: those
    // that run now have all their time before them again. Only the clock of the overdue: workers
    // time their attempts themselves. No page: as many as the workers have slots.
    virtual Status keeper_reset_deadlines() = 0;
    // Active jobs of workers that are not alive → queued (or cancelled, or failed by quarantine).
    virtual Result<DutyPage> keeper_rescue(const RescueLimits& limits) = 0;

    // Of those alive or draining. Makes database_time() exact, too.
    virtual Result<std::vector<WorkerPulse>> worker_pulses() = 0;
    // Never revived. Only those whose pulse is still the one seen: a late heartbeat wins. Attempts
    // that were lost with a worker in a mass outage count for nobody (design, invariant 8). Who was
    // last heard less than `together` before or after a worker that was lost in one is a victim of
    // the same, whatever `mass_outage` says: keepers forget, and another one may lead by now.
    virtual Status worker_mark_lost(const std::vector<WorkerPulse>& silent, bool mass_outage,
                                    milliseconds together) = 0;

    // Housekeeping; each returns how many rows or partitions it removed or made.
    // Keys whose lifetime is over, and those without one whose job is older than `retention` and
    // gone.
    virtual Result<int> idempotency_purge(std::chrono::seconds retention, int page) = 0;
    virtual Result<int> worker_purge(std::chrono::seconds retention, int page) = 0;
    // Also removes checkpoints that were being saved while their attempt ended.
    virtual Result<int> partition_rotate(const PartitionPolicy& policy) = 0;
};

// Opens a store with a connection of its own. Never fails: a connection is made when it is needed
// and replaced when it breaks. Thread-safe.
using OpenStore = std::function<std::unique_ptr<JobStore>()>;

}  // namespace millrace::storage
