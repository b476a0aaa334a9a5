// A JobStore whose calls fail on demand: before they reach the store behind it, or after, when the
// change was made and only the reply is lost.
//
//   store.fail_before("job_insert", {ErrorCode::kUnavailable, "down"});  // The next call of it.
//   store.set_down(true);                                                // All, until told.
//
// Threads: one caller at a time, the switches included.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/storage/job_store.h"

namespace millrace::test {

class FaultyJobStore : public storage::JobStore {
    using Ids = std::vector<JobId>;
    using Models = std::vector<std::pair<std::string, std::string>>;
    using Found = std::vector<std::pair<std::string, JobId>>;
    using Specs = std::vector<std::pair<JobId, JobSpec>>;

 public:
    explicit FaultyJobStore(storage::JobStore& store) : store_(store) {}

    // Each fails one call; several of one name queue up.
    void fail_before(const std::string& call, ErrorCode code) {
        faults_[call].push_back({code, false});
    }
    void fail_after(const std::string& call, ErrorCode code) {
        faults_[call].push_back({code, true});
    }
    // While down, every call is kUnavailable.
    void set_down(bool down) { down_ = down; }
    // Runs at the start of every call, with its name, also of those that fail.
    void on_call(std::function<void(const std::string&)> hook) { hook_ = std::move(hook); }
    // So far, failed ones included.
    int calls(const std::string& call) const {
        const auto found = calls_.find(call);
        return found == calls_.end() ? 0 : found->second;
    }

    std::chrono::milliseconds database_time() const override { return store_.database_time(); }

#define MILLRACE_FORWARD(type, call, parameters, arguments)                           \
    type call parameters override {                                                   \
        return attempt<type>(#call, [&]() -> type { return store_.call arguments; }); \
    }
    MILLRACE_FORWARD(Status, store_probe, (), ())
    MILLRACE_FORWARD(Status, queue_register, (const std::vector<std::string>& queues), (queues))
    MILLRACE_FORWARD(Result<Models>, model_list, (), ())
    MILLRACE_FORWARD(Result<std::vector<storage::InsertedJob>>, job_insert,
                     (const std::vector<storage::NewJob>& jobs), (jobs))
    MILLRACE_FORWARD(Result<std::vector<storage::JobRecord>>, job_get,
                     (const Ids& ids, storage::JobFields fields), (ids, fields))
    MILLRACE_FORWARD(Result<Found>, job_find, (const std::vector<std::string>& client_ids),
                     (client_ids))
    MILLRACE_FORWARD(Result<JobPage>, job_list, (const storage::JobFilter& filter), (filter))
    MILLRACE_FORWARD(Result<std::int64_t>, job_count,
                     (const storage::JobFilter& filter, std::int64_t most), (filter, most))
    MILLRACE_FORWARD(Result<std::vector<storage::CancelledJob>>, job_cancel, (const Ids& ids),
                     (ids))
    MILLRACE_FORWARD(Result<std::vector<storage::LaneStats>>, lane_stats, (), ())
    MILLRACE_FORWARD(Result<std::vector<storage::LaneAge>>, lane_ages, (), ())
    MILLRACE_FORWARD(Result<std::vector<storage::WorkerRecord>>, worker_list, (), ())
    MILLRACE_FORWARD(Status, worker_register, (const storage::WorkerInfo& worker), (worker))
    MILLRACE_FORWARD(Result<storage::HeartbeatReply>, worker_heartbeat, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Status, worker_drain, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Status, worker_stop, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Result<std::vector<AttemptKey>>, worker_active, (WorkerId worker), (worker))
    MILLRACE_FORWARD(Result<std::vector<storage::Claim>>, job_claim,
                     (WorkerId worker, const Ids& ids), (worker, ids))
    MILLRACE_FORWARD(Result<std::vector<ClaimedJob>>, job_steal,
                     (WorkerId worker, const storage::StealRequest& request), (worker, request))
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
    MILLRACE_FORWARD(Result<storage::DutyPage>, keeper_rescue,
                     (const storage::RescueLimits& limits), (limits))
    MILLRACE_FORWARD(Result<std::vector<storage::WorkerPulse>>, worker_pulses, (), ())
    MILLRACE_FORWARD(Status, worker_mark_lost, (const std::vector<storage::WorkerPulse>& silent),
                     (silent))
    MILLRACE_FORWARD(Result<int>, idempotency_purge, (std::chrono::seconds retention, int page),
                     (retention, page))
    MILLRACE_FORWARD(Result<int>, worker_purge, (std::chrono::seconds retention, int page),
                     (retention, page))
    MILLRACE_FORWARD(Result<int>, partition_rotate, (const storage::PartitionPolicy& policy),
                     (policy))
#undef MILLRACE_FORWARD

 private:
    struct Fault {
        ErrorCode code = ErrorCode::kUnavailable;
        bool after = false;
    };

    template <class T, class Call>
    T attempt(const std::string& name, Call call) {
        ++calls_[name];
        if (hook_) hook_(name);
        if (down_) return Error{ErrorCode::kUnavailable, "The store is down."};
        auto& planned = faults_[name];
        if (planned.empty()) return call();
        const auto fault = planned.front();
        planned.pop_front();
        if (fault.after) (void)call();
        return Error{fault.code, "A fault of the test."};
    }

    storage::JobStore& store_;
    bool down_ = false;
    std::map<std::string, std::deque<Fault>> faults_;
    std::map<std::string, int> calls_;
    std::function<void(const std::string&)> hook_;
};

}  // namespace millrace::test
