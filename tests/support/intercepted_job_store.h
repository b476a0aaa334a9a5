// A JobStore that passes every call on to another one, through one function of its derived class:
// for stores that fail, count or watch calls.
//
//   template <class T, class Call, class Copy>
//   T intercept(std::string_view name, const Call& call, const Copy& copy);
//
// `call` makes the call; `copy` returns a function that makes it later, with copies of its
// arguments.
//
// Threads: one caller at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/storage/job_store.h"

namespace millrace::test {

template <class Heir>
class InterceptedJobStore : public storage::JobStore {
    using Ids = std::vector<JobId>;
    using Found = std::vector<std::pair<std::string, JobId>>;
    using Specs = std::vector<std::pair<JobId, JobSpec>>;

 public:
    explicit InterceptedJobStore(storage::JobStore& store) : store_(store) {}

    std::chrono::milliseconds database_time() const override { return store_.database_time(); }

#define MILLRACE_FORWARD(type, call, parameters, arguments)                  \
    type call parameters override {                                          \
        return static_cast<Heir&>(*this).template intercept<type>(           \
            #call, [&]() -> type { return store_.call arguments; },          \
            [&]() -> std::function<void()> {                                 \
                return [=, &store = store_] { (void)store.call arguments; }; \
            });                                                              \
    }
    MILLRACE_FORWARD(Status, store_probe, (), ())
    MILLRACE_FORWARD(Status, queue_register, (const std::vector<std::string>& queues), (queues))
    MILLRACE_FORWARD(Result<std::vector<storage::KnownModel>>, model_list, (), ())
    MILLRACE_FORWARD(Result<std::vector<storage::InsertedJob>>, job_insert,
                     (const std::vector<storage::NewJob>& jobs), (jobs))
    MILLRACE_FORWARD(Result<std::vector<storage::JobRecord>>, job_get,
                     (const Ids& ids, storage::JobFields fields), (ids, fields))
    MILLRACE_FORWARD(Result<Found>, job_find, (const std::vector<std::string>& client_ids),
                     (client_ids))
    MILLRACE_FORWARD(Result<JobPage>, job_list, (const storage::JobFilter& filter, int look_max),
                     (filter, look_max))
    MILLRACE_FORWARD(Result<Count>, job_count, (const storage::JobFilter& filter, int look_max),
                     (filter, look_max))
    MILLRACE_FORWARD(Result<std::vector<storage::CancelledJob>>, job_cancel, (const Ids& ids),
                     (ids))
    MILLRACE_FORWARD(Result<CancelledPage>, job_cancel_matching,
                     (const storage::JobFilter& filter, int look_max), (filter, look_max))
    MILLRACE_FORWARD(Result<std::vector<storage::LaneStats>>, lane_stats, (), ())
    MILLRACE_FORWARD(Result<std::vector<storage::LaneAge>>, lane_ages, (std::size_t limit), (limit))
    MILLRACE_FORWARD(Result<std::vector<storage::WorkerRecord>>, worker_list, (), ())
    MILLRACE_FORWARD(Status, worker_register, (const storage::WorkerInfo& worker), (worker))
    MILLRACE_FORWARD(Status, worker_announce,
                     (WorkerId worker, const std::vector<std::string>& models), (worker, models))
    MILLRACE_FORWARD(Result<storage::HeartbeatReply>, worker_heartbeat, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Status, worker_drain, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Status, worker_stop, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Result<std::vector<AttemptKey>>, worker_active, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Result<std::vector<Claim>>, job_claim, (WorkerId worker, const Ids& ids),
                     (worker, ids))
    MILLRACE_FORWARD(Result<storage::StolenJobs>, job_steal,
                     (WorkerId worker, const storage::StealRequest& request), (worker, request))
    MILLRACE_FORWARD(Result<std::optional<ClaimedJob>>, job_claim_confined, (WorkerId worker),
                     (worker))
    MILLRACE_FORWARD(Result<Specs>, job_specs, (const Ids& ids), (ids))
    MILLRACE_FORWARD(Result<std::vector<storage::SettledReply>>, job_settle,
                     (WorkerId worker, const std::vector<storage::SettledAttempt>& attempts),
                     (worker, attempts))
    MILLRACE_FORWARD(Status, partial_save,
                     (WorkerId worker, const std::vector<storage::PartialCheckpoint>& partials),
                     (worker, partials))
    MILLRACE_FORWARD(Result<storage::DutyPage>, keeper_release, (int page), (page))
    MILLRACE_FORWARD(Result<storage::DutyPage>, keeper_expire, (int page), (page))
    MILLRACE_FORWARD(Result<storage::DutyPage>, keeper_end_overdue, (milliseconds grace, int page),
                     (grace, page))
    MILLRACE_FORWARD(Status, keeper_reset_deadlines, (), ())
    MILLRACE_FORWARD(Result<storage::DutyPage>, keeper_rescue,
                     (const storage::RescueLimits& limits), (limits))
    MILLRACE_FORWARD(Result<std::vector<storage::WorkerPulse>>, worker_pulses, (), ())
    MILLRACE_FORWARD(Status, worker_mark_lost,
                     (const std::vector<storage::WorkerPulse>& silent, bool mass_outage,
                      milliseconds together),
                     (silent, mass_outage, together))
    MILLRACE_FORWARD(Result<storage::KeyPurge>, idempotency_purge,
                     (const storage::KeyCursor& from, std::chrono::seconds retention, int page),
                     (from, retention, page))
    MILLRACE_FORWARD(Result<int>, worker_purge, (std::chrono::seconds retention, int page),
                     (retention, page))
    MILLRACE_FORWARD(Result<int>, partial_purge, (int page), (page))
    MILLRACE_FORWARD(Result<storage::RotationStep>, partition_rotate,
                     (const storage::PartitionPolicy& policy), (policy))
#undef MILLRACE_FORWARD

 private:
    storage::JobStore& store_;
};

}  // namespace millrace::test
