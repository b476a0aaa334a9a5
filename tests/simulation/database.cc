#include "tests/simulation/database.h"

#include <algorithm>

namespace millrace::simulation {

WallTime DatabaseClock::wall() const {
    return std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + world_.age() + offset_;
}

std::set<WorkerId> Database::alive() {
    std::set<WorkerId> alive;
    for (const auto& worker : *worker_list()) {
        if (worker.state == storage::WorkerState::kAlive) alive.insert(worker.info.id);
    }
    return alive;
}

void Database::carry_out(const std::function<void()>& call, const std::set<WorkerId>& alive_then) {
    --calls_expected_;
    if (!call) return;
    alive_then_ = alive_then;
    call();
    alive_then_.clear();
}

bool Database::may_claim(WorkerId worker) const {
    return alive_then_.contains(worker) || MemoryJobStore::may_claim(worker);
}

Status Database::worker_stop(WorkerId worker) {
    auto stopped = MemoryJobStore::worker_stop(worker);
    history_.tell(&Checker::stopped, worker);
    return stopped;
}

Result<std::vector<storage::InsertedJob>> Database::job_insert(
    const std::vector<storage::NewJob>& jobs) {
    auto inserted = MemoryJobStore::job_insert(jobs);
    if (!inserted) return inserted;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (!(*inserted)[i].replayed) history_.inserted(jobs[i]);
    }
    return inserted;
}

Result<std::vector<storage::CancelledJob>> Database::job_cancel(const std::vector<JobId>& ids) {
    auto cancelled = MemoryJobStore::job_cancel(ids);
    for (const auto& job : *cancelled) history_.touched(job.id, Cause::kCancel);
    return cancelled;
}

Result<storage::JobStore::CancelledPage> Database::job_cancel_matching(
    const storage::JobFilter& filter, int look_max) {
    auto page = MemoryJobStore::job_cancel_matching(filter, look_max);
    for (const auto& job : page->jobs) history_.touched(job.id, Cause::kCancel);
    return page;
}

Status Database::worker_register(const storage::WorkerInfo& worker) {
    auto registered = MemoryJobStore::worker_register(worker);
    if (registered) history_.tell(&Checker::heard_of, worker.id);
    return registered;
}

Result<storage::HeartbeatReply> Database::worker_heartbeat(WorkerId worker) {
    auto reply = MemoryJobStore::worker_heartbeat(worker);
    if (reply && reply->alive) history_.tell(&Checker::heard_of, worker);
    return reply;
}

Result<std::vector<Claim>> Database::job_claim(WorkerId worker, const std::vector<JobId>& ids) {
    auto claims = MemoryJobStore::job_claim(worker, ids);
    for (const auto& claim : *claims) tell_claim(worker, claim);
    return claims;
}

Result<storage::StolenJobs> Database::job_steal(WorkerId worker,
                                                const storage::StealRequest& request) {
    auto stolen = MemoryJobStore::job_steal(worker, request);
    if (!stolen) return stolen;
    for (const auto& job : stolen->jobs) {
        tell_claim(worker, {job.key, job.attempt, job.failures, job.losses, job.remaining,
                            job.deadline_is_ttl});
    }
    return stolen;
}

Result<std::optional<ClaimedJob>> Database::job_claim_confined(WorkerId worker) {
    auto job = MemoryJobStore::job_claim_confined(worker);
    if (job && *job) tell_claim(worker, **job);
    return job;
}

void Database::tell_claim(WorkerId worker, const Claim& claim) {
    history_.tell(&Checker::claimed, worker, claim);
    history_.touched(claim.key.job, Cause::kClaim);
}

Result<std::vector<storage::SettledReply>> Database::job_settle(
    WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) {
    // One by one, so that each change has its cause; no other writer moves meanwhile.
    std::vector<storage::SettledReply> replies;
    for (const auto& attempt : attempts) {
        auto reply = MemoryJobStore::job_settle(worker, {attempt});
        if (!reply) return reply;
        history_.tell(&Checker::settled, worker, attempt, reply->front());
        history_.touched(attempt.key.job, Cause::kSettle);
        replies.push_back(reply->front());
    }
    return replies;
}

Result<storage::DutyPage> Database::keeper_release(int page) {
    return moved(MemoryJobStore::keeper_release(page), Cause::kRelease);
}

Result<storage::DutyPage> Database::keeper_expire(int page) {
    return moved(MemoryJobStore::keeper_expire(page), Cause::kExpire);
}

Result<storage::DutyPage> Database::keeper_end_overdue(milliseconds grace, int page) {
    return moved(MemoryJobStore::keeper_end_overdue(grace, page), Cause::kOverdue);
}

Result<storage::DutyPage> Database::keeper_rescue(const storage::RescueLimits& limits) {
    return moved(MemoryJobStore::keeper_rescue(limits), Cause::kRescue);
}

Result<storage::DutyPage> Database::moved(Result<storage::DutyPage> page, Cause cause) {
    for (const auto& job : page->moved) history_.touched(job.id, cause);
    return page;
}

Status Database::worker_mark_lost(const std::vector<storage::WorkerPulse>& silent, bool mass_outage,
                                  milliseconds together) {
    const auto before = *worker_pulses();
    auto marked = MemoryJobStore::worker_mark_lost(silent, mass_outage, together);
    const auto after = *worker_pulses();
    for (const auto& pulse : before) {
        const auto is_it = [&](const auto& other) { return other.id == pulse.id; };
        if (std::ranges::none_of(after, is_it)) history_.tell(&Checker::marked_lost, pulse.id);
    }
    return marked;
}

}  // namespace millrace::simulation
