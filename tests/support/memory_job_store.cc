#include "tests/support/memory_job_store.h"

#include "common/wire/messages.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace millrace::test {

using namespace storage;

namespace {

// Checks the fields that PostgreSQL stores as text; it stores a spec as bytes.
bool has_zero_byte(const NewJob& job) {
    const auto has = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    return has(job.terms.model) || has(job.metadata_json) ||
           (job.idempotency && has(job.idempotency->key));
}

bool has_metadata(const JobRecord& job, const std::pair<std::string, std::string>& wanted) {
    const auto metadata = nlohmann::json::parse(job.metadata_json, nullptr, false);
    return metadata.is_object() && metadata.value(wanted.first, nlohmann::json()) == wanted.second;
}

bool matches(const JobRecord& job, const JobFilter& filter) {
    const auto& states = filter.states;
    if (!states.empty() && std::ranges::find(states, job.state) == states.end()) return false;
    if (filter.queue && *filter.queue != job.queue) return false;
    if (filter.priority && *filter.priority != job.priority) return false;
    if (filter.model && *filter.model != job.model) return false;
    for (const auto& wanted : filter.metadata) {
        if (!has_metadata(job, wanted)) return false;
    }
    if (filter.created_after && job.created_at <= *filter.created_after) return false;
    if (filter.created_before && job.created_at >= *filter.created_before) return false;
    if (filter.error_code && *filter.error_code != job.error_code) return false;
    return !filter.never_retried || !job.retried_by;
}

// Open and final jobs are stored separately, and jobs with an error or in a rare state are found
// without a look at the others (among_open_oldest.sql, among_final_oldest.sql).
bool is_looked_at(const JobRecord& job, const JobFilter& filter) {
    const auto wants = [&](const auto& has) { return std::ranges::any_of(filter.states, has); };
    const bool is_final = info(job.state).is_final;
    if (!filter.states.empty() &&
        !wants([&](JobState state) { return info(state).is_final == is_final; })) {
        return false;
    }
    if (filter.error_code) {
        return job.error_code == *filter.error_code && job.state != JobState::kCompleted;
    }
    const auto is_frequent = [&](JobState state) {
        return is_final ? state == JobState::kCompleted
                        : state == JobState::kQueued || state == JobState::kBlocked;
    };
    if (filter.states.empty() || wants(is_frequent)) return true;
    const bool is_active = info(job.state).is_active;
    return wants(
        [&](JobState state) { return state == job.state || (is_active && info(state).is_active); });
}

}  // namespace

std::optional<JobRecord> MemoryDatabase::job(JobId id) const {
    const std::lock_guard lock(mutex_);
    const auto row = rows_.find(id);
    if (row == rows_.end()) return std::nullopt;
    return shown(row->second, {true, true, true, true});
}

std::size_t MemoryDatabase::job_count() const {
    const std::lock_guard lock(mutex_);
    return rows_.size();
}

void MemoryDatabase::hold_duty(const std::string& duty, bool held) {
    const std::lock_guard lock(mutex_);
    if (held) {
        held_duties_.insert(duty);
    } else {
        held_duties_.erase(duty);
    }
}

std::chrono::milliseconds MemoryJobStore::database_time() const {
    return std::chrono::duration_cast<milliseconds>(now().time_since_epoch());
}

Status MemoryJobStore::store_probe() {
    return ok();
}

Status MemoryJobStore::queue_register(const std::vector<std::string>& queues) {
    const std::lock_guard lock(db_.mutex_);
    db_.queues_.insert(queues.begin(), queues.end());
    return ok();
}

Result<std::vector<KnownModel>> MemoryJobStore::model_list() {
    const std::lock_guard lock(db_.mutex_);
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
        return std::ranges::find(names, name) != names.end();
    };
    std::vector<KnownModel> models;
    for (const auto& [queue, model] : db_.models_) {
        const bool has_worker = std::ranges::any_of(
            db_.workers_, [&, &queue = queue, &model = model](const auto& entry) {
                const auto& info = entry.second.info;
                return may_claim(entry.first) && has(info.queues, queue) && has(info.models, model);
            });
        models.push_back({queue, model, has_worker});
    }
    return models;
}

Status MemoryJobStore::check_queue(const std::string& queue) const {
    if (db_.queues_.contains(queue)) return ok();
    return Error{ErrorCode::kInvalidArgument, "There is no queue '" + queue + "'."};
}

Status MemoryJobStore::check(const NewJob& job) const {
    TRY_STATUS(check_queue(job.terms.queue));
    if (has_zero_byte(job)) return Error{ErrorCode::kDataCorrupt, "A text holds a zero byte."};
    if (db_.rows_.contains(job.id) && !holder_of_key(job)) {
        return Error{ErrorCode::kDataCorrupt, "A job with this id exists."};
    }
    return ok();
}

Result<std::vector<InsertedJob>> MemoryJobStore::job_insert(const std::vector<NewJob>& jobs) {
    const std::lock_guard lock(db_.mutex_);
    for (const auto& job : jobs) TRY_STATUS(check(job));
    std::vector<InsertedJob> inserted;
    for (const auto& job : jobs) inserted.push_back(insert(job));
    return inserted;
}

InsertedJob MemoryJobStore::insert(const NewJob& job) {
    if (const auto* known = holder_of_key(job)) {
        return {known->job, db_.rows_.at(known->job).record.state, true,
                known->fingerprint != job.idempotency->fingerprint};
    }
    take_key(job);
    Row row;
    row.job = job;
    row.spec = wire::decode_spec(job.encoded_spec).value();
    const auto& [queue, priority, model, policy] = job.terms;
    const bool later = job.run_at && *job.run_at > now();
    auto& record = row.record;
    record.id = job.id;
    record.state = later ? JobState::kScheduled : JobState::kQueued;
    record.queue = queue;
    record.priority = priority;
    record.model = model;
    record.metadata_json = job.metadata_json;
    record.attempts_max = policy.attempts_max;
    record.retry_of = job.retry_of;
    if (job.idempotency && job.idempotency->scope == IdempotencyKey::Scope::kClientId) {
        record.client_id = job.idempotency->key;
    }
    record.created_at = now();
    record.run_at = job.run_at;
    if (!later) record.queued_at = now();
    const DbTime due_at = later ? *job.run_at : now();
    if (policy.ttl) record.expires_at = due_at + *policy.ttl;
    row.claim_by = record.expires_at;
    if (policy.start_within) {
        const auto start_by = due_at + *policy.start_within;
        row.claim_by = std::min(start_by, row.claim_by.value_or(start_by));
    }
    const InsertedJob reply{job.id, record.state};
    db_.rows_.emplace(job.id, std::move(row));
    return reply;
}

Result<std::vector<JobRecord>> MemoryJobStore::job_get(const std::vector<JobId>& ids,
                                                       JobFields fields) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<JobRecord> found;
    for (const auto& id : std::set(ids.begin(), ids.end())) {
        const auto row = db_.rows_.find(id);
        if (row != db_.rows_.end()) found.push_back(db_.shown(row->second, fields));
    }
    return found;
}

std::optional<JobId> MemoryJobStore::look(const JobFilter& filter, int look_max, bool ascending,
                                          const std::function<bool(const JobRecord&)>& take) const {
    std::vector<const Row*> rows;
    for (const auto& [id, row] : db_.rows_) {
        const bool is_behind =
            filter.after && (ascending ? id <= *filter.after : id >= *filter.after);
        if (!is_behind && is_looked_at(row.record, filter)) rows.push_back(&row);
    }
    if (!ascending) std::ranges::reverse(rows);
    int looked = 0;
    for (const auto* row : rows) {
        const auto record = db_.shown(*row, {});
        if (matches(record, filter) && !take(record)) return std::nullopt;
        if (++looked == look_max) return record.id;
    }
    return std::nullopt;
}

Result<JobStore::JobPage> MemoryJobStore::job_list(const JobFilter& filter, int look_max) {
    const std::lock_guard lock(db_.mutex_);
    JobPage page;
    page.next = look(filter, look_max, filter.ascending, [&](const JobRecord& job) {
        page.has_more = page.jobs.size() == static_cast<std::size_t>(filter.limit);
        if (!page.has_more) page.jobs.push_back(job);
        return !page.has_more;
    });
    return page;
}

Result<JobStore::Count> MemoryJobStore::job_count(const JobFilter& filter, int look_max) {
    const std::lock_guard lock(db_.mutex_);
    Count count;
    count.next = look(filter, look_max, true, [&](const JobRecord&) {
        ++count.matching;
        return true;
    });
    return count;
}

CancelledJob MemoryJobStore::cancel(Row& row) {
    auto& record = row.record;
    if (!info(record.state).is_final && !record.cancel_requested_at) {
        record.cancel_requested_at = now();
    }
    if (record.state == JobState::kInProgress) {
        record.state = JobState::kCancelling;
    } else if (!info(record.state).is_final && !info(record.state).is_active) {
        end_waiting(row, JobState::kCancelled, "cancelled");
        record.error_message = record.epoch == 0 ? "cancelled on request before it ran"
                                                 : "cancelled on request before it ran again";
    }
    return {record.id, record.state, record.epoch, record.worker};
}

Result<std::vector<CancelledJob>> MemoryJobStore::job_cancel(const std::vector<JobId>& ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<CancelledJob> cancelled;
    for (const auto& id : std::set(ids.begin(), ids.end())) {
        const auto row = db_.rows_.find(id);
        if (row != db_.rows_.end()) cancelled.push_back(cancel(row->second));
    }
    return cancelled;
}

Result<JobStore::CancelledPage> MemoryJobStore::job_cancel_matching(const JobFilter& filter,
                                                                    int look_max) {
    const std::lock_guard lock(db_.mutex_);
    CancelledPage page;
    auto row = filter.after ? db_.rows_.upper_bound(*filter.after) : db_.rows_.begin();
    for (int looked = 0; row != db_.rows_.end(); ++row) {
        const auto state = row->second.record.state;
        if (info(state).is_final || !is_looked_at(row->second.record, filter)) continue;
        if (state != JobState::kCancelling && matches(db_.shown(row->second, {}), filter)) {
            page.jobs.push_back(cancel(row->second));
        }
        const bool is_full = page.jobs.size() == static_cast<std::size_t>(filter.limit);
        if (++looked < look_max && !is_full) continue;
        page.next = row->first;
        break;
    }
    return page;
}

Result<std::vector<LaneAge>> MemoryJobStore::lane_ages(std::size_t limit) {
    const std::lock_guard lock(db_.mutex_);
    std::map<std::tuple<std::string, Priority, std::string>, milliseconds> oldest;
    for (const auto& [id, row] : db_.rows_) {
        const auto& record = row.record;
        if (record.state != JobState::kQueued) continue;
        auto& age = oldest[{record.queue, record.priority, record.model}];
        age = std::max(age, std::chrono::duration_cast<milliseconds>(now() - *record.queued_at));
    }
    std::vector<LaneAge> lanes;
    for (const auto& [lane, age] : oldest) {
        const auto& [queue, priority, model] = lane;
        if (lanes.size() < limit) lanes.push_back({queue, priority, model, age});
    }
    std::ranges::stable_sort(lanes, std::greater(), &LaneAge::oldest);
    return lanes;
}

Result<std::vector<LaneStats>> MemoryJobStore::lane_stats() {
    const std::lock_guard lock(db_.mutex_);
    std::vector<LaneStats> lanes;
    for (const auto& queue : db_.queues_) {
        for (const auto priority : kPriorities) {
            LaneStats lane{queue, priority};
            for (const auto& [id, row] : db_.rows_) {
                const auto& record = row.record;
                if (record.queue != queue || record.priority != priority) continue;
                if (info(record.state).is_active) ++lane.in_progress;
                if (record.state == JobState::kScheduled) ++lane.scheduled;
                if (record.state != JobState::kQueued) continue;
                ++lane.queued;
                const auto age =
                    std::chrono::duration_cast<milliseconds>(now() - *record.queued_at);
                lane.oldest_age = std::max(lane.oldest_age.value_or(age), age);
            }
            lanes.push_back(lane);
        }
    }
    return lanes;
}

Result<std::vector<WorkerRecord>> MemoryJobStore::worker_list() {
    const std::lock_guard lock(db_.mutex_);
    std::vector<WorkerRecord> workers;
    for (const auto& [id, worker] : db_.workers_) {
        const auto active = std::ranges::count_if(db_.rows_, [&id = id](const auto& entry) {
            const auto& record = entry.second.record;
            return info(record.state).is_active && record.worker == id;
        });
        const auto age = std::chrono::duration_cast<milliseconds>(now() - worker.heard_at);
        workers.push_back(
            {worker.info, worker.state, worker.started_at, age, static_cast<int>(active)});
    }
    return workers;
}

void MemoryJobStore::end_waiting(Row& row, JobState state, const std::string& code) {
    row.record.state = state;
    row.record.finished_at = now();
    row.record.error_code = code;
    row.claim_by.reset();
}

}  // namespace millrace::test
