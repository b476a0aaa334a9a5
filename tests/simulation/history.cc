#include "tests/simulation/history.h"

#include <algorithm>

namespace millrace::simulation {

void History::inserted(const storage::NewJob& job) {
    submitted_.insert_or_assign(job.id, job);
    touched(job.id, Cause::kInsert);
}

void History::touched(JobId job, Cause cause) {
    auto record = database_.job(job);
    if (!record) return;
    const auto known = jobs_.find(job);
    const bool is_new = known == jobs_.end();
    const Change change{is_new ? nullptr : &known->second, *record, cause};
    if (is_new || change.before->state != record->state) {
        world_.say("database", "{} {} -> {} (epoch {})", job.str(),
                   is_new ? "new" : name(change.before->state), name(record->state), record->epoch);
    }
    tell(&Checker::changed, change);
    jobs_.insert_or_assign(job, *std::move(record));
}

void History::look_at_all() {
    for (const auto& [id, before] : jobs_) {
        const auto now = database_.job(id);
        if (!now) return violated("1", id.str() + " is gone");
        if (now->state == before.state && now->epoch == before.epoch) continue;
        return violated("2", id.str() + " changed without a call that says so");
    }
    if (database_.job_count() != jobs_.size()) violated("1", "there are jobs that nobody inserted");
}

bool History::all_final() const {
    return std::ranges::all_of(jobs_,
                               [](const auto& entry) { return info(entry.second.state).is_final; });
}

void History::violated(std::string_view invariant, std::string what) {
    if (!verdict_.empty()) return;
    verdict_ = fmt::format("invariant {}: {}", invariant, what);
    world_.say("checker", "{}", verdict_);
    world_.stop();
}

}  // namespace millrace::simulation
