// What workers and keepers ask of a MemoryJobStore.
#include <algorithm>

#include "tests/support/memory_job_store.h"

namespace millrace::test {

using namespace storage;

Status MemoryJobStore::worker_register(const WorkerInfo& worker) {
    const std::lock_guard lock(db_.mutex_);
    db_.workers_[worker.id] = {worker, WorkerState::kAlive, 1, now(), now()};
    for (const auto& queue : worker.queues) {
        for (const auto& model : worker.models) db_.models_.emplace(queue, model);
    }
    return ok();
}

Result<HeartbeatReply> MemoryJobStore::worker_heartbeat(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    HeartbeatReply reply;
    if (!may_work(worker)) return reply;
    auto& beating = db_.workers_.at(worker);
    ++beating.heartbeats;
    beating.heard_at = now();
    reply.alive = true;
    for (const auto& [id, row] : db_.rows_) {
        const auto& record = row.record;
        if (!info(record.state).is_active || record.worker != worker) continue;
        ++reply.active;
        if (record.state == JobState::kCancelling) reply.cancelling.push_back({id, record.epoch});
    }
    return reply;
}

Status MemoryJobStore::worker_drain(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    if (may_work(worker)) db_.workers_.at(worker).state = WorkerState::kDraining;
    return ok();
}

Status MemoryJobStore::worker_stop(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    if (may_work(worker)) db_.workers_.at(worker).state = WorkerState::kStopped;
    return ok();
}

bool MemoryJobStore::may_work(WorkerId worker) const {
    const auto found = db_.workers_.find(worker);
    if (found == db_.workers_.end()) return false;
    const auto state = found->second.state;
    return state == WorkerState::kAlive || state == WorkerState::kDraining;
}

Result<std::vector<AttemptKey>> MemoryJobStore::worker_active(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<AttemptKey> active;
    for (const auto& [id, row] : db_.rows_) {
        if (info(row.record.state).is_active && row.record.worker == worker) {
            active.push_back({id, row.record.epoch});
        }
    }
    return active;
}

bool MemoryJobStore::claimable(const Row& row) const {
    const auto& record = row.record;
    if (record.state != JobState::kQueued) return false;
    if (record.expires_at && *record.expires_at <= now()) return false;
    return record.epoch > 0 || !row.start_by || *row.start_by > now();
}

Claim MemoryJobStore::claim(Row& row, WorkerId worker) {
    auto& record = row.record;
    const auto& name = db_.workers_.at(worker).info.name;
    record.state = JobState::kInProgress;
    ++record.epoch;
    ++record.attempt;
    record.worker = worker;
    record.worker_name = name;
    record.started_at = now();
    AttemptRecord attempt;
    attempt.epoch = record.epoch;
    attempt.worker = worker;
    attempt.worker_name = name;
    attempt.started_at = now();
    record.attempts.push_back(attempt);
    row.deadline = now() + row.job.spec.policy.execution_timeout;
    row.deadline_is_ttl = record.expires_at && *record.expires_at < *row.deadline;
    if (row.deadline_is_ttl) row.deadline = record.expires_at;
    const auto remaining = std::chrono::duration_cast<milliseconds>(*row.deadline - now());
    return {{record.id, record.epoch}, record.attempt, record.failures, row.losses, remaining,
            row.deadline_is_ttl};
}

Result<std::vector<Claim>> MemoryJobStore::job_claim(WorkerId worker,
                                                     const std::vector<JobId>& ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<Claim> claims;
    if (!may_work(worker)) return claims;
    for (const auto& id : ids) {
        const auto row = db_.rows_.find(id);
        if (row == db_.rows_.end() || !claimable(row->second)) continue;
        claims.push_back(claim(row->second, worker));
    }
    return claims;
}

Result<std::vector<ClaimedJob>> MemoryJobStore::job_steal(WorkerId worker,
                                                          const StealRequest& request) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<ClaimedJob> stolen;
    if (!may_work(worker)) return stolen;
    std::vector<Row*> ready;
    for (auto& [id, row] : db_.rows_) {
        const auto& record = row.record;
        if (id < request.low_water || record.queue != request.queue) continue;
        if (record.priority != request.priority || !claimable(row)) continue;
        const auto& models = request.models;
        if (std::ranges::find(models, record.model) == models.end()) continue;
        if (now() - *record.queued_at >= request.age_min) ready.push_back(&row);
    }
    std::ranges::stable_sort(ready, {}, [](const Row* row) { return *row->record.queued_at; });
    ready.resize(std::min(ready.size(), static_cast<std::size_t>(request.limit)));
    for (auto* row : ready) {
        const auto c = claim(*row, worker);
        stolen.push_back({c.key, c.attempt, c.failures, c.losses, c.remaining, c.deadline_is_ttl,
                          row->job.spec});
    }
    return stolen;
}

Result<std::vector<std::pair<JobId, JobSpec>>> MemoryJobStore::job_specs(
    const std::vector<JobId>& ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<std::pair<JobId, JobSpec>> specs;
    for (const auto& id : ids) {
        const auto row = db_.rows_.find(id);
        if (row != db_.rows_.end()) specs.emplace_back(id, row->second.job.spec);
    }
    return specs;
}

// The worker lets go of the job: it waits for another attempt, unless `next` is final.
void MemoryJobStore::leave(Row& row, JobState next, OutcomeKind outcome) {
    auto& record = row.record;
    record.attempts.back().ended_at = now();
    record.attempts.back().outcome = outcome;
    record.state = next;
    row.deadline.reset();
    if (info(next).is_final) return;
    record.worker.reset();
    record.worker_name.clear();
    if (next == JobState::kQueued) record.queued_at = now();
}

void MemoryJobStore::settle(Row& row, WorkerId worker, const SettledAttempt& attempt) {
    const auto& [key, settlement, outcome] = attempt;
    auto& record = row.record;
    const bool cancelled =
        record.state == JobState::kCancelling && settlement.next != JobState::kCompleted;
    const auto next = cancelled ? JobState::kCancelled : settlement.next;
    leave(row, next, outcome.kind);
    if (settlement.counts_as_failure) ++record.failures;
    if (!settlement.counts_as_failure && !info(next).is_final) ++record.interruptions;
    record.error_code = settlement.error_code;
    record.error_message = settlement.error_message;
    record.usage = outcome.usage;
    if (next == JobState::kScheduled) record.run_at = now() + settlement.delay;
    if (next == JobState::kCompleted) row.output = outcome.output_json;
    if (info(next).is_final) record.finished_at = now();
    row.losses = 0;
    row.settled = {key.epoch, worker};
}

Result<std::vector<SettledReply>> MemoryJobStore::job_settle(
    WorkerId worker, const std::vector<SettledAttempt>& attempts) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<SettledReply> replies;
    for (const auto& attempt : attempts) {
        const auto& key = attempt.key;
        const auto found = db_.rows_.find(key.job);
        if (found == db_.rows_.end()) {
            replies.push_back({key, false});
            continue;
        }
        auto& row = found->second;
        const auto& record = row.record;
        const bool held =
            info(record.state).is_active && record.epoch == key.epoch && record.worker == worker;
        const bool settled_before = row.settled == std::pair(key.epoch, worker);
        if (held) settle(row, worker, attempt);
        replies.push_back({key, held || settled_before, record.state});
    }
    return replies;
}

Status MemoryJobStore::partial_save(WorkerId worker,
                                    const std::vector<PartialCheckpoint>& partials) {
    const std::lock_guard lock(db_.mutex_);
    for (const auto& [key, sequence, text] : partials) {
        const auto row = db_.rows_.find(key.job);
        if (row == db_.rows_.end()) continue;
        auto& record = row->second.record;
        if (record.epoch != key.epoch || record.worker != worker) continue;
        record.partial_sequence = sequence;
        row->second.partial = text;
    }
    return ok();
}

DutyPage MemoryJobStore::sweep(const std::string& duty, int page,
                               const std::function<bool(const Row&)>& due,
                               const std::function<void(Row&)>& move) {
    const std::lock_guard lock(db_.mutex_);
    DutyPage result;
    if (db_.held_duties_.contains(duty)) return result;
    result.led = true;
    for (auto& [id, row] : db_.rows_) {
        if (result.moved.size() == static_cast<std::size_t>(page)) break;
        if (!due(row)) continue;
        move(row);
        const auto& record = row.record;
        result.moved.push_back({id, record.queue, record.priority, record.epoch, record.state});
    }
    return result;
}

Result<DutyPage> MemoryJobStore::keeper_release(int page) {
    const auto due = [this](const Row& row) {
        return row.record.state == JobState::kScheduled && *row.record.run_at <= now();
    };
    return sweep("release", page, due, [this](Row& row) {
        row.record.state = JobState::kQueued;
        row.record.queued_at = now();
    });
}

Result<DutyPage> MemoryJobStore::keeper_expire(int page) {
    const auto due = [this](const Row& row) {
        const auto& record = row.record;
        if (info(record.state).is_final || info(record.state).is_active) return false;
        const bool too_late = record.expires_at && *record.expires_at <= now();
        return too_late || (record.epoch == 0 && row.start_by && *row.start_by <= now());
    };
    return sweep("expire", page, due,
                 [this](Row& row) { finish(row, JobState::kExpired, "expired"); });
}

Result<DutyPage> MemoryJobStore::keeper_end_overdue(milliseconds grace, int page) {
    const auto due = [=, this](const Row& row) {
        return info(row.record.state).is_active && row.deadline && *row.deadline + grace <= now();
    };
    return sweep("overdue", page, due, [this](Row& row) {
        auto& record = row.record;
        const bool cancelling = record.state == JobState::kCancelling;
        const bool expired = row.deadline_is_ttl;
        leave(row, JobState::kQueued, OutcomeKind::kTimeout);
        ++record.failures;
        if (cancelling) return finish(row, JobState::kCancelled, "cancelled");
        if (expired) return finish(row, JobState::kExpired, "expired");
        if (record.failures >= record.attempts_max) finish(row, JobState::kFailed, "timeout");
    });
}

Result<DutyPage> MemoryJobStore::keeper_rescue(const RescueLimits& limits) {
    const auto due = [this](const Row& row) {
        return info(row.record.state).is_active && !may_work(*row.record.worker);
    };
    return sweep("rescue", limits.page, due, [this, limits](Row& row) {
        auto& record = row.record;
        const auto worker = db_.workers_.find(*record.worker);
        const bool stopped =
            worker != db_.workers_.end() && worker->second.state == WorkerState::kStopped;
        const bool cancelling = record.state == JobState::kCancelling;
        leave(row, JobState::kQueued, stopped ? OutcomeKind::kInterrupted : OutcomeKind::kLost);
        ++record.interruptions;
        if (!stopped && !limits.mass_outage) ++row.losses;
        if (cancelling) return finish(row, JobState::kCancelled, "cancelled");
        if (row.losses >= limits.losses_max) finish(row, JobState::kFailed, "worker_lost");
    });
}

Result<std::vector<WorkerPulse>> MemoryJobStore::worker_pulses() {
    const std::lock_guard lock(db_.mutex_);
    std::vector<WorkerPulse> pulses;
    for (const auto& [id, worker] : db_.workers_) {
        if (may_work(id)) pulses.push_back({id, worker.heartbeats});
    }
    return pulses;
}

Status MemoryJobStore::worker_mark_lost(const std::vector<WorkerPulse>& silent) {
    const std::lock_guard lock(db_.mutex_);
    for (const auto& [id, heartbeats] : silent) {
        if (!may_work(id)) continue;
        auto& worker = db_.workers_.at(id);
        if (worker.heartbeats == heartbeats) worker.state = WorkerState::kLost;
    }
    return ok();
}

Result<int> MemoryJobStore::idempotency_purge(std::chrono::seconds ttl, int page) {
    const std::lock_guard lock(db_.mutex_);
    int purged = 0;
    std::erase_if(db_.keys_, [&](const auto& entry) {
        const bool old = purged < page && entry.second.created_at + ttl <= now();
        purged += old ? 1 : 0;
        return old;
    });
    return purged;
}

Result<int> MemoryJobStore::worker_purge(std::chrono::seconds retention, int page) {
    const std::lock_guard lock(db_.mutex_);
    int purged = 0;
    std::erase_if(db_.workers_, [&](const auto& entry) {
        const auto& [id, worker] = entry;
        const bool old = purged < page && !may_work(id) && worker.heard_at + retention <= now();
        purged += old ? 1 : 0;
        return old;
    });
    return purged;
}

Result<int> MemoryJobStore::partition_rotate(const PartitionPolicy&) {
    return 0;
}

}  // namespace millrace::test
