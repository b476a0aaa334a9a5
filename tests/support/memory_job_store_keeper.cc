// The calls of a MemoryJobStore that keepers make.
#include <algorithm>

#include "tests/support/memory_job_store.h"

namespace millrace::test {

using namespace storage;

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
    const auto due = [this](const Row& row) { return row.claim_by && *row.claim_by <= now(); };
    return sweep("expire", page, due, [this](Row& row) {
        auto& record = row.record;
        const bool is_old = record.expires_at && *record.expires_at <= now();
        std::string message =
            is_old ? "its time to live ran out while it waited" : "no worker started it in time";
        if (!record.error_code.empty()) {
            message +=
                "; the last attempt ended with " + record.error_code + ": " + record.error_message;
        }
        end_waiting(row, JobState::kExpired, "expired");
        record.error_message = std::move(message);
    });
}

Result<DutyPage> MemoryJobStore::keeper_end_overdue(milliseconds grace, int page) {
    const auto due = [=, this](const Row& row) {
        if (db_.lacks(Mutation::kReconcileAndSweep)) return false;
        return row.deadline && *row.deadline + grace < now();
    };
    return sweep("overdue", page, due, [this](Row& row) {
        end_attempt(row, ending_of_overdue(row));
        count(row, CountedAs::kFailure);
        row.losses = 0;
        row.is_confined = false;
    });
}

Status MemoryJobStore::keeper_reset_deadlines() {
    const std::lock_guard lock(db_.mutex_);
    for (auto& [id, row] : db_.rows_) {
        if (row.deadline) row.deadline = deadline_of(row);
    }
    return ok();
}

MemoryJobStore::Ending MemoryJobStore::ending_of_overdue(const Row& row) const {
    const auto& record = row.record;
    const auto outcome = OutcomeKind::kTimeout;
    if (record.state == JobState::kCancelling) return {JobState::kCancelled, outcome, "cancelled"};
    if (record.expires_at && *record.expires_at <= now()) {
        return {JobState::kExpired, outcome, "expired"};
    }
    const bool was_last = record.failures + 1 >= record.attempts_max;
    return {was_last ? JobState::kFailed : JobState::kQueued, outcome, "timeout"};
}

bool MemoryJobStore::is_orphan(const Row& row) const {
    const auto& record = row.record;
    if (!info(record.state).is_active) return false;
    if (db_.lacks(Mutation::kRescueOwnerGuard)) {
        return std::ranges::any_of(record.attempts, [this](const AttemptRecord& attempt) {
            return attempt.worker && !has_lease(*attempt.worker);
        });
    }
    return !has_lease(*record.worker) && !db_.rescued_.contains(*record.worker);
}

Result<DutyPage> MemoryJobStore::keeper_rescue(const RescueLimits& limits) {
    const auto due = [this](const Row& row) { return is_orphan(row); };
    auto page = sweep("rescue", limits.page, due, [this, limits](Row& row) {
        const bool in_good_order = is_in(*row.record.worker, {WorkerState::kStopped});
        const bool is_loss = !in_good_order && !lost_in_outage(*row.record.worker);
        if (is_loss) ++row.losses;
        end_attempt(row, ending_of_orphan(row, in_good_order, limits));
        row.is_confined = row.losses >= std::max(limits.losses_max - 1, 1);
        count(row, is_loss ? CountedAs::kLoss : CountedAs::kInterruption);
    });
    const bool is_full = page.moved.size() == static_cast<std::size_t>(limits.page);
    if (db_.lacks(Mutation::kLevelTriggeredRescue) && page.led && !is_full) {
        for (const auto& [id, worker] : db_.workers_) {
            if (!has_lease(id)) db_.rescued_.insert(id);
        }
    }
    return page;
}

MemoryJobStore::Ending MemoryJobStore::ending_of_orphan(const Row& row, bool in_good_order,
                                                        const RescueLimits& limits) const {
    const auto& record = row.record;
    const auto outcome = in_good_order ? OutcomeKind::kInterrupted : OutcomeKind::kLost;
    if (record.state == JobState::kCancelling && !db_.lacks(Mutation::kCancellingInRescue)) {
        return {JobState::kCancelled, outcome, "cancelled"};
    }
    if (record.expires_at && *record.expires_at <= now()) {
        return {JobState::kExpired, outcome, "expired"};
    }
    if (in_good_order) return {JobState::kQueued, outcome, "interrupted"};
    const bool is_quarantined =
        !lost_in_outage(*record.worker) && row.is_confined && row.losses >= limits.losses_max;
    return {is_quarantined ? JobState::kFailed : JobState::kQueued, outcome, "worker_lost"};
}

bool MemoryJobStore::lost_in_outage(WorkerId worker) const {
    const auto found = db_.workers_.find(worker);
    return found != db_.workers_.end() && found->second.lost_in_outage;
}

Result<std::vector<WorkerPulse>> MemoryJobStore::worker_pulses() {
    const std::lock_guard lock(db_.mutex_);
    std::vector<WorkerPulse> pulses;
    for (const auto& [id, worker] : db_.workers_) {
        if (has_lease(id)) pulses.push_back({id, worker.heartbeats});
    }
    return pulses;
}

Status MemoryJobStore::worker_mark_lost(const std::vector<WorkerPulse>& silent, bool mass_outage,
                                        milliseconds together) {
    const std::lock_guard lock(db_.mutex_);
    const auto is_victim = [&](const auto& worker) {
        return std::ranges::any_of(db_.workers_, [&](const auto& entry) {
            const auto& other = entry.second;
            return other.lost_in_outage &&
                   std::chrono::abs(other.heard_at - worker.heard_at) < together;
        });
    };
    for (const auto& [id, heartbeats] : silent) {
        if (!has_lease(id)) continue;
        auto& worker = db_.workers_.at(id);
        if (worker.heartbeats != heartbeats) continue;
        worker.state = WorkerState::kLost;
        worker.lost_in_outage =
            (mass_outage || is_victim(worker)) && !db_.lacks(Mutation::kMassOutage);
    }
    return ok();
}

Result<int> MemoryJobStore::worker_purge(std::chrono::seconds retention, int page) {
    const std::lock_guard lock(db_.mutex_);
    const auto holds_jobs = [this](WorkerId worker) {
        return std::ranges::any_of(db_.rows_, [&](const auto& entry) {
            const auto& record = entry.second.record;
            return info(record.state).is_active && record.worker == worker;
        });
    };
    int purged = 0;
    std::erase_if(db_.workers_, [&](const auto& entry) {
        const auto& [id, worker] = entry;
        const bool old = purged < page && !has_lease(id) && worker.heard_at + retention < now() &&
                         !holds_jobs(id);
        purged += old ? 1 : 0;
        return old;
    });
    return purged;
}

// A checkpoint goes with its attempt here.
Result<int> MemoryJobStore::partial_purge(int) {
    return 0;
}

Result<RotationStep> MemoryJobStore::partition_rotate(const PartitionPolicy&) {
    return RotationStep{};
}

}  // namespace millrace::test
