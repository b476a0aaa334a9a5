// The calls of a MemoryJobStore that workers make.
#include <algorithm>

#include "common/base/text.h"
#include "common/wire/messages.h"
#include "tests/support/memory_job_store.h"

namespace millrace::test {

using namespace storage;

namespace {

// Like PostgreSQL: one text that it cannot store fails the whole statement.
Status check_text(std::string_view text) {
    if (is_storable(text)) return ok();
    return Error{ErrorCode::kDataCorrupt, "invalid byte sequence for encoding \"UTF8\""};
}

}  // namespace

Status MemoryJobStore::worker_register(const WorkerInfo& worker) {
    TRY_STATUS(check_text(worker.name));
    for (const auto& model : worker.models) TRY_STATUS(check_text(model));
    const std::lock_guard lock(db_.mutex_);
    for (const auto& queue : worker.queues) TRY_STATUS(check_queue(queue));
    // A repeated registration changes nothing: a lost incarnation is never revived.
    db_.workers_.try_emplace(worker.id,
                             MemoryDatabase::Worker{worker, WorkerState::kAlive, 0, now(), now()});
    for (const auto& queue : worker.queues) {
        for (const auto& model : worker.models) db_.models_.emplace(queue, model);
    }
    return ok();
}

Status MemoryJobStore::worker_announce(WorkerId worker, const std::vector<std::string>& models) {
    const std::lock_guard lock(db_.mutex_);
    if (!has_lease(worker)) return ok();
    auto& announcing = db_.workers_.at(worker);
    announcing.info.models = models;
    for (const auto& queue : announcing.info.queues) {
        for (const auto& model : models) db_.models_.emplace(queue, model);
    }
    return ok();
}

Result<HeartbeatReply> MemoryJobStore::worker_heartbeat(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    HeartbeatReply reply{.alive = has_lease(worker)};
    if (reply.alive) {
        auto& beating = db_.workers_.at(worker);
        ++beating.heartbeats;
        beating.heard_at = now();
    }
    for (const auto& [id, row] : db_.rows_) {
        const auto& record = row.record;
        if (!info(record.state).is_active || record.worker != worker) continue;
        ++reply.active;
        if (record.state == JobState::kCancelling) reply.cancelling.push_back({id, record.epoch});
    }
    reply.confined_waits = std::ranges::any_of(db_.rows_, [&](const auto& entry) {
        const auto& row = entry.second;
        return row.is_confined && claimable(row) && awaited_by(row) == worker;
    });
    return reply;
}

Status MemoryJobStore::worker_drain(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    leave(worker, WorkerState::kDraining);
    return ok();
}

Status MemoryJobStore::worker_stop(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    leave(worker, WorkerState::kStopped);
    return ok();
}

// For a worker that leaves by itself. Does nothing once its lease is gone.
void MemoryJobStore::leave(WorkerId worker, WorkerState state) {
    if (!has_lease(worker)) return;
    auto& leaving = db_.workers_.at(worker);
    leaving.state = std::max(leaving.state, state);
    leaving.heard_at = now();
}

bool MemoryJobStore::is_in(WorkerId worker, std::initializer_list<WorkerState> states) const {
    const auto found = db_.workers_.find(worker);
    return found != db_.workers_.end() &&
           std::ranges::find(states, found->second.state) != states.end();
}

bool MemoryJobStore::may_claim(WorkerId worker) const {
    return is_in(worker, {WorkerState::kAlive});
}

bool MemoryJobStore::has_lease(WorkerId worker) const {
    return is_in(worker, {WorkerState::kAlive, WorkerState::kDraining});
}

Result<std::vector<AttemptKey>> MemoryJobStore::worker_active(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<AttemptKey> active;
    if (db_.lacks(Mutation::kReconcileAndSweep)) return active;
    for (const auto& [id, row] : db_.rows_) {
        if (info(row.record.state).is_active && row.record.worker == worker) {
            active.push_back({id, row.record.epoch});
        }
    }
    return active;
}

bool MemoryJobStore::claimable(const Row& row) const {
    const bool waits = row.record.state == JobState::kQueued || db_.lacks(Mutation::kQueuedInClaim);
    return waits && (!row.claim_by || *row.claim_by > now());
}

bool MemoryJobStore::serves(const WorkerInfo& worker, const Row& row) const {
    const auto has = [](const auto& all, const auto& one) {
        return std::ranges::find(all, one) != all.end();
    };
    return has(worker.queues, row.record.queue) && has(worker.models, row.record.model);
}

bool MemoryJobStore::holds_any(WorkerId worker) const {
    return std::ranges::any_of(db_.rows_, [&](const auto& entry) {
        const auto& record = entry.second.record;
        return info(record.state).is_active && record.worker == worker;
    });
}

std::optional<WorkerId> MemoryJobStore::awaited_by(const Row& row) const {
    std::optional<WorkerId> youngest;
    std::optional<WorkerId> idle;
    for (const auto& [id, worker] : db_.workers_) {
        if (!is_in(id, {WorkerState::kAlive}) || !serves(worker.info, row)) continue;
        youngest = id;
        if (!holds_any(id)) idle = id;
    }
    return idle ? idle : youngest;
}

DbTime MemoryJobStore::deadline_of(const Row& row) const {
    const auto timeout_at = now() + row.job.terms.policy.execution_timeout;
    return std::min<DbTime>(timeout_at, row.record.expires_at.value_or(timeout_at));
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
    row.claim_by.reset();
    row.deadline = deadline_of(row);
    const bool is_ttl =
        record.expires_at && *record.expires_at < now() + row.job.terms.policy.execution_timeout;
    const auto remaining = std::chrono::duration_cast<milliseconds>(*row.deadline - now());
    return {
        {record.id, record.epoch}, record.attempt, record.failures, row.losses, remaining, is_ttl};
}

Result<std::vector<Claim>> MemoryJobStore::job_claim(WorkerId worker,
                                                     const std::vector<JobId>& ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<Claim> claims;
    if (!may_claim(worker)) return claims;
    for (const auto& id : ids) {
        const auto row = db_.rows_.find(id);
        if (row == db_.rows_.end() || !claimable(row->second) || row->second.is_confined) continue;
        claims.push_back(claim(row->second, worker));
    }
    return claims;
}

Result<StolenJobs> MemoryJobStore::job_steal(WorkerId worker, const StealRequest& request) {
    const std::lock_guard lock(db_.mutex_);
    TRY_STATUS(check_queue(request.queue));
    StolenJobs stolen;
    if (!may_claim(worker) || db_.lacks(Mutation::kStealing)) return stolen;
    std::vector<Row*> ready;
    for (auto& [id, row] : db_.rows_) {
        const auto& record = row.record;
        if (record.queue != request.queue || record.priority != request.priority) continue;
        if (record.model != request.model || !claimable(row) || row.is_confined) continue;
        if (*record.queued_at < request.queued_from) continue;
        if (now() - *record.queued_at < request.age_min) continue;
        ready.push_back(&row);
    }
    std::ranges::stable_sort(ready, {}, [](const Row* row) { return *row->record.queued_at; });
    if (ready.size() > static_cast<std::size_t>(request.limit)) {
        ready.resize(static_cast<std::size_t>(request.limit));
    }
    std::size_t bytes = 0;
    for (auto* row : ready) {
        stolen.is_cut = bytes >= request.bytes_max;
        if (stolen.is_cut) break;
        bytes += wire::encode_spec(row->spec).size();
        stolen.queued_last = row->record.queued_at;
        stolen.jobs.push_back({claim(*row, worker), row->spec});
    }
    return stolen;
}

Result<std::optional<ClaimedJob>> MemoryJobStore::job_claim_confined(WorkerId worker) {
    const std::lock_guard lock(db_.mutex_);
    std::optional<ClaimedJob> none;
    if (!may_claim(worker) || holds_any(worker) || db_.lacks(Mutation::kStealing)) return none;
    const auto& info = db_.workers_.at(worker).info;
    for (auto& [id, row] : db_.rows_) {
        if (!row.is_confined || !claimable(row) || !serves(info, row)) continue;
        return ClaimedJob{claim(row, worker), row.spec};
    }
    return none;
}

Result<std::vector<std::pair<JobId, JobSpec>>> MemoryJobStore::job_specs(
    const std::vector<JobId>& ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<std::pair<JobId, JobSpec>> specs;
    for (const auto& id : ids) {
        const auto row = db_.rows_.find(id);
        if (row != db_.rows_.end()) specs.emplace_back(id, row->second.spec);
    }
    return specs;
}

// A loss is an interruption too.
void MemoryJobStore::count(Row& row, CountedAs counted) {
    auto& record = row.record;
    record.attempts.back().counted_as = counted;
    ++(counted == CountedAs::kFailure ? record.failures : record.interruptions);
}

bool MemoryJobStore::holds(const Row& row, AttemptKey key, WorkerId worker) const {
    const auto& record = row.record;
    const bool runs = info(record.state).is_active || db_.lacks(Mutation::kStateInCompletion);
    const bool is_current = record.epoch == key.epoch || db_.lacks(Mutation::kEpochInCompletion);
    return runs && is_current && record.worker == worker;
}

// The worker releases the job, which waits for another attempt unless it is over.
void MemoryJobStore::end_attempt(Row& row, const Ending& ending) {
    auto& record = row.record;
    auto& attempt = record.attempts.back();
    attempt.ended_at = now();
    attempt.outcome = ending.outcome;
    record.state = ending.next;
    record.error_code = attempt.error_code = ending.error_code;
    record.error_message = attempt.error_message = ending.error_message;
    row.deadline.reset();
    row.partial.reset();
    record.partial_sequence = 0;
    if (info(ending.next).is_final) {
        record.finished_at = now();
        return;
    }
    record.worker.reset();
    record.worker_name.clear();
    row.claim_by = record.expires_at;
    if (ending.next == JobState::kQueued) record.queued_at = now();
}

namespace {

// The outcome in the history: a complete output that could not be stored is a permanent failure.
OutcomeKind outcome_of(const SettledAttempt& attempt) {
    const auto kind = attempt.outcome.kind;
    if (attempt.settlement.next == JobState::kCompleted) return OutcomeKind::kCompleted;
    return kind == OutcomeKind::kCompleted ? OutcomeKind::kPermanent : kind;
}

// Whether the call is a repetition after a lost answer.
bool was_settled(const JobRecord& job, const SettledAttempt& attempt, WorkerId worker) {
    const auto outcome = outcome_of(attempt);
    return std::ranges::any_of(job.attempts, [&](const AttemptRecord& record) {
        if (record.epoch != attempt.key.epoch || record.worker != worker) return false;
        return record.outcome == outcome ||
               (record.outcome == OutcomeKind::kCancelled && outcome != OutcomeKind::kCompleted);
    });
}

}  // namespace

void MemoryJobStore::settle(Row& row, const SettledAttempt& attempt) {
    const auto& [key, settlement, outcome] = attempt;
    auto& record = row.record;
    const bool completed = settlement.next == JobState::kCompleted;
    const bool cancelled = record.state == JobState::kCancelling && !completed &&
                           !db_.lacks(Mutation::kCancellingInRetry);
    Ending ending{settlement.next, outcome_of(attempt), settlement.error_code,
                  settlement.error_message};
    if (cancelled) {
        ending.next = JobState::kCancelled;
        ending.outcome = OutcomeKind::kCancelled;
    }
    end_attempt(row, ending);
    if (cancelled) record.error_code = "cancelled";
    const bool is_final = info(ending.next).is_final;
    if (settlement.counts_as_failure) {
        count(row, CountedAs::kFailure);
    } else if (!is_final) {
        count(row, CountedAs::kInterruption);
    }
    if (is_final) record.usage = outcome.usage;
    if (ending.next == JobState::kScheduled) record.run_at = now() + settlement.delay;
    if (completed) row.output = outcome.output_json;
    row.losses = 0;
    row.is_confined = false;
}

Result<std::vector<SettledReply>> MemoryJobStore::job_settle(
    WorkerId worker, const std::vector<SettledAttempt>& attempts) {
    for (const auto& attempt : attempts) {
        const bool completes = attempt.settlement.next == JobState::kCompleted;
        TRY_STATUS(
            check_text(completes ? attempt.outcome.output_json : attempt.settlement.error_message));
    }
    const std::lock_guard lock(db_.mutex_);
    std::vector<SettledReply> replies;
    for (const auto& attempt : attempts) {
        const auto found = db_.rows_.find(attempt.key.job);
        if (found == db_.rows_.end()) {
            replies.push_back({attempt.key, false});
            continue;
        }
        auto& row = found->second;
        const bool held = holds(row, attempt.key, worker);
        if (held) settle(row, attempt);
        const bool accepted = held || was_settled(row.record, attempt, worker);
        replies.push_back({attempt.key, accepted, row.record.state});
    }
    return replies;
}

Status MemoryJobStore::partial_save(WorkerId worker,
                                    const std::vector<PartialCheckpoint>& partials) {
    for (const auto& partial : partials) TRY_STATUS(check_text(partial.text));
    const std::lock_guard lock(db_.mutex_);
    for (const auto& [key, sequence, text] : partials) {
        const auto found = db_.rows_.find(key.job);
        if (found == db_.rows_.end() || !holds(found->second, key, worker)) continue;
        auto& row = found->second;
        if (sequence < row.record.partial_sequence) continue;
        row.record.partial_sequence = sequence;
        row.partial = text;
    }
    return ok();
}

}  // namespace millrace::test
