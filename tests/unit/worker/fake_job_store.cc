#include "tests/unit/worker/fake_job_store.h"

#include <algorithm>

namespace millrace::test {

using storage::WorkerState;

void FakeJobStore::fail_next(const std::string& call, Fault fault) {
    const std::lock_guard lock(mutex_);
    faults_[call].push_back(fault);
}

void FakeJobStore::set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
}

void FakeJobStore::set_poison(std::string text) {
    const std::lock_guard lock(mutex_);
    poison_ = std::move(text);
}

int FakeJobStore::calls(const std::string& call) const {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second;
}

JobId FakeJobStore::insert(JobSpec spec) {
    const std::lock_guard lock(mutex_);
    auto uuid = uuid_lower_bound(
        std::chrono::duration_cast<milliseconds>(clock_.wall().time_since_epoch()));
    uuid.bytes.back() = ++last_id_;
    const JobId id(uuid);
    rows_[id].spec = std::move(spec);
    rows_[id].ready_at = clock_.now();
    return id;
}

FakeJobStore::Row FakeJobStore::row(const JobId& id) const {
    const std::lock_guard lock(mutex_);
    return rows_.at(id);
}

void FakeJobStore::change(const JobId& id, const std::function<void(Row&)>& change) {
    const std::lock_guard lock(mutex_);
    change(rows_.at(id));
}

std::vector<WorkerId> FakeJobStore::workers(WorkerState state) const {
    const std::lock_guard lock(mutex_);
    std::vector<WorkerId> ids;
    for (const auto& [id, of] : workers_) {
        if (of == state) ids.push_back(id);
    }
    return ids;
}

void FakeJobStore::mark_lost(WorkerId worker) {
    const std::lock_guard lock(mutex_);
    workers_.at(worker) = WorkerState::kLost;
}

template <class Body>
auto FakeJobStore::call(const std::string& name, Body body) -> decltype(body()) {
    const std::lock_guard lock(mutex_);
    ++calls_[name];
    if (down_) return Error{ErrorCode::kUnavailable, "the store is down"};
    auto& faults = faults_[name];
    if (faults.empty()) return body();
    const auto fault = faults.front();
    faults.pop_front();
    if (fault.is_applied) (void)body();
    return Error{fault.code, "a fault of the test"};
}

std::chrono::milliseconds FakeJobStore::database_time() const {
    return std::chrono::duration_cast<milliseconds>(clock_.wall().time_since_epoch());
}

Status FakeJobStore::queue_register(const std::vector<std::string>&) {
    return call("queue_register", [] { return ok(); });
}

Result<std::vector<storage::CancelledJob>> FakeJobStore::job_cancel(const std::vector<JobId>& ids) {
    return call("job_cancel", [&]() -> Result<std::vector<storage::CancelledJob>> {
        std::vector<storage::CancelledJob> cancelled;
        for (const auto& id : ids) {
            auto& row = rows_.at(id);
            if (row.state == JobState::kQueued) row.state = JobState::kCancelled;
            if (row.state == JobState::kInProgress) row.state = JobState::kCancelling;
            cancelled.push_back(
                {.id = id, .state = row.state, .epoch = row.epoch, .worker = row.worker});
        }
        return cancelled;
    });
}

Status FakeJobStore::worker_register(const storage::WorkerInfo& worker) {
    return call("worker_register", [&] {
        workers_[worker.id] = WorkerState::kAlive;
        return ok();
    });
}

Result<storage::HeartbeatReply> FakeJobStore::worker_heartbeat(WorkerId worker) {
    return call("worker_heartbeat", [&]() -> Result<storage::HeartbeatReply> {
        storage::HeartbeatReply reply;
        const auto found = workers_.find(worker);
        reply.alive = found != workers_.end() && (found->second == WorkerState::kAlive ||
                                                  found->second == WorkerState::kDraining);
        for (const auto& [id, row] : rows_) {
            if (!reply.alive || !is_held(row, worker, row.epoch)) continue;
            ++reply.active;
            if (row.state == JobState::kCancelling) reply.cancelling.push_back({id, row.epoch});
        }
        return reply;
    });
}

Status FakeJobStore::worker_drain(WorkerId worker) {
    return call("worker_drain", [&] {
        workers_.at(worker) = WorkerState::kDraining;
        return ok();
    });
}

Status FakeJobStore::worker_stop(WorkerId worker) {
    return call("worker_stop", [&] {
        workers_.at(worker) = WorkerState::kStopped;
        return ok();
    });
}

Result<std::vector<AttemptKey>> FakeJobStore::worker_active(WorkerId worker) {
    return call("worker_active", [&]() -> Result<std::vector<AttemptKey>> {
        std::vector<AttemptKey> active;
        for (const auto& [id, row] : rows_) {
            if (is_held(row, worker, row.epoch)) active.push_back({id, row.epoch});
        }
        return active;
    });
}

Result<std::vector<storage::Claim>> FakeJobStore::job_claim(WorkerId worker,
                                                            const std::vector<JobId>& ids) {
    return call("job_claim", [&]() -> Result<std::vector<storage::Claim>> {
        std::vector<storage::Claim> claims;
        if (!is_alive(worker)) return claims;
        for (const auto& id : ids) {
            const auto found = rows_.find(id);
            if (found == rows_.end() || found->second.state != JobState::kQueued) continue;
            claims.push_back(claim_row(id, found->second, worker));
        }
        return claims;
    });
}

Result<std::vector<ClaimedJob>> FakeJobStore::job_steal(WorkerId worker,
                                                        const storage::StealRequest& request) {
    return call("job_steal", [&]() -> Result<std::vector<ClaimedJob>> {
        std::vector<ClaimedJob> jobs;
        if (!is_alive(worker)) return jobs;
        for (auto& [id, row] : rows_) {
            if (std::ssize(jobs) == request.limit) break;
            const auto& models = request.models;
            if (row.state != JobState::kQueued || id < request.low_water) continue;
            if (row.spec.queue != request.queue || row.spec.priority != request.priority) continue;
            if (std::find(models.begin(), models.end(), row.spec.model) == models.end()) continue;
            if (clock_.now() - row.ready_at < request.age_min) continue;
            const auto claim = claim_row(id, row, worker);
            jobs.push_back({.key = claim.key,
                            .attempt = claim.attempt,
                            .failures = claim.failures,
                            .losses = claim.losses,
                            .remaining = claim.remaining,
                            .deadline_is_ttl = claim.deadline_is_ttl,
                            .spec = row.spec});
        }
        return jobs;
    });
}

Result<std::vector<std::pair<JobId, JobSpec>>> FakeJobStore::job_specs(
    const std::vector<JobId>& ids) {
    return call("job_specs", [&]() -> Result<std::vector<std::pair<JobId, JobSpec>>> {
        std::vector<std::pair<JobId, JobSpec>> specs;
        for (const auto& id : ids) {
            const auto found = rows_.find(id);
            if (found != rows_.end()) specs.emplace_back(id, found->second.spec);
        }
        return specs;
    });
}

Result<std::vector<storage::SettledReply>> FakeJobStore::job_settle(
    WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) {
    return call("job_settle", [&]() -> Result<std::vector<storage::SettledReply>> {
        for (const auto& attempt : attempts) {
            if (poison_.empty() || attempt.outcome.output_json.find(poison_) == std::string::npos)
                continue;
            return Error{ErrorCode::kDataCorrupt, "an output cannot be stored"};
        }
        std::vector<storage::SettledReply> replies;
        for (const auto& attempt : attempts) replies.push_back(settle_row(worker, attempt));
        return replies;
    });
}

Status FakeJobStore::partial_save(WorkerId worker,
                                  const std::vector<storage::PartialCheckpoint>& partials) {
    return call("partial_save", [&] {
        for (const auto& partial : partials) {
            auto& row = rows_.at(partial.key.job);
            if (is_held(row, worker, partial.key.epoch)) row.partial = partial.text;
        }
        return ok();
    });
}

bool FakeJobStore::is_held(const Row& row, WorkerId worker, Epoch epoch) const {
    return info(row.state).is_active && row.worker == worker && row.epoch == epoch;
}

bool FakeJobStore::is_alive(WorkerId worker) const {
    const auto found = workers_.find(worker);
    return found != workers_.end() && found->second == WorkerState::kAlive;
}

storage::Claim FakeJobStore::claim_row(const JobId& id, Row& row, WorkerId worker) {
    row.state = JobState::kInProgress;
    row.worker = worker;
    ++row.epoch;
    ++row.attempt;
    return {.key = {id, row.epoch},
            .attempt = row.attempt,
            .failures = row.failures,
            .losses = row.losses,
            .remaining = row.spec.policy.execution_timeout};
}

storage::SettledReply FakeJobStore::settle_row(WorkerId worker,
                                               const storage::SettledAttempt& attempt) {
    auto& row = rows_.at(attempt.key.job);
    if (!is_held(row, worker, attempt.key.epoch)) {
        const bool again = row.settled == attempt.key && row.settled_by == worker;
        return {.key = attempt.key, .accepted = again, .state = row.state};
    }
    const auto& settlement = attempt.settlement;
    const bool cancels =
        row.state == JobState::kCancelling && settlement.next != JobState::kCompleted;
    row.state = cancels ? JobState::kCancelled : settlement.next;
    row.worker.reset();
    row.ready_at = clock_.now() + settlement.delay;
    row.failures += settlement.counts_as_failure ? 1 : 0;
    row.error_code = settlement.error_code;
    row.output = attempt.outcome.output_json;
    ++row.settlements;
    row.settled = attempt.key;
    row.settled_by = worker;
    return {.key = attempt.key, .accepted = true, .state = row.state};
}

}  // namespace millrace::test
