// The calls of clients and gateways, except for submitting.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"
#include "common/wire/messages.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;

constexpr int kWorkersMax = 10'000;  // The limit of worker_list.

// What lane_stats counts and compares: a few milliseconds for each lane that is full.
constexpr int kCountedMax = 10'000;
constexpr int kAgesMax = 1000;

std::vector<JobId> sorted(std::vector<JobId> ids) {
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

// An array of the one wanted element, or an empty one.
ArrayParameter wanted(const std::optional<std::string>& text) {
    ArrayParameter array(Element::kText);
    if (text) array.add(*text);
    return array;
}

std::optional<std::string> micros(const std::optional<DbTime>& time) {
    if (!time) return std::nullopt;
    return std::to_string(time->time_since_epoch().count());
}

// A job's id has the time at which a gateway received it, by its estimate of PostgreSQL's clock;
// the row has the time of its commit. So a row may be younger than its id by a commit, and older by
// an error of the estimate. A search outside of a filter's times looks at the jobs of these margins
// in vain. (In the seconds in which PostgreSQL's clock steps, the two may differ by more.)
constexpr milliseconds kCommitMargin = std::chrono::minutes(1);
constexpr milliseconds kClockMargin = std::chrono::seconds(10);

// The ids between which a search looks, both exclusive.
struct IdBounds {
    Uuid lower;
    Uuid upper;
};

IdBounds bounds_of(const JobFilter& filter, bool ascending) {
    IdBounds bounds;
    bounds.upper.bytes.fill(0xff);
    const auto at = [](const DbTime& time, milliseconds margin) {
        const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch()) + margin;
        return uuid_lower_bound(std::max(since, milliseconds(0)));
    };
    if (filter.created_after) bounds.lower = at(*filter.created_after, -kCommitMargin);
    if (filter.created_before) bounds.upper = at(*filter.created_before, kClockMargin);
    if (!filter.after) return bounds;
    const auto after = filter.after->uuid();
    if (ascending) {
        bounds.lower = std::max(bounds.lower, after);
    } else {
        bounds.upper = std::min(bounds.upper, after);
    }
    return bounds;
}

// The parameters of parts/job_filter.sql, which select the jobs.
struct FilterParameters {
    ArrayParameter states{Element::kInt2};
    ArrayParameter queues;
    ArrayParameter priorities{Element::kInt2};
    ArrayParameter models;
    std::string metadata;
    std::optional<std::string> created_after;
    std::optional<std::string> created_before;
    ArrayParameter error_codes;
    bool never_retried;

    IdBounds ids;

    FilterParameters(const JobFilter& filter, bool ascending)
        : queues(wanted(filter.queue)),
          models(wanted(filter.model)),
          created_after(micros(filter.created_after)),
          created_before(micros(filter.created_before)),
          error_codes(wanted(filter.error_code)),
          never_retried(filter.never_retried),
          ids(bounds_of(filter, ascending)) {
        for (const auto state : filter.states) states.add(static_cast<std::int16_t>(state));
        if (filter.priority) priorities.add(static_cast<std::int16_t>(*filter.priority));
        auto pairs = nlohmann::json::object();
        for (const auto& [key, value] : filter.metadata) pairs[key] = value;
        metadata = pairs.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }

    template <class... More>
    pqxx::result execute(pqxx::transaction_base& transaction, const char* statement,
                         const More&... more) const {
        const auto text = [](const auto& value) { return value ? value->c_str() : nullptr; };
        return transaction.exec_prepared(
            statement, parameter(states), parameter(queues), parameter(priorities),
            parameter(models), metadata, text(created_after), text(created_before),
            parameter(error_codes), never_retried, ids.lower.str(), ids.upper.str(), more...);
    }
};

// Adds the columns that job_get.sql has beyond those of the lists.
Status add_fields(JobRecord& job, const pqxx::row& row) {
    if (!row[27].is_null()) {
        TRY(auto spec, wire::decode_spec(bytes_of(row[27])));
        job.input_json = std::move(spec.input_json);
    }
    if (!row[28].is_null()) job.output_json = text_of(row[28]);
    if (!row[29].is_null()) {
        job.partial_text = text_of(row[29]);
        job.partial_sequence = row[30].as<std::uint32_t>();
    }
    return ok();
}

}  // namespace

Status PostgresJobStore::store_probe() {
    // A lost answer proves nothing, so it does not matter that this is a write.
    return session_.run(Effect::kRead, "store_probe",
                        [](auto& transaction) { transaction.exec_prepared("store_probe"); });
}

Status PostgresJobStore::queue_register(const std::vector<std::string>& queues) {
    TRY_STATUS(session_.run(Effect::kWrite, "queue_register", [&](auto& transaction) {
        transaction.exec_prepared("queue_register", parameter(text_array(queues)));
    }));
    return read_queues();
}

Status PostgresJobStore::read_queues() {
    return session_.run(Effect::kRead, "queue_list", [&](pqxx::transaction_base& transaction) {
        for (const auto& row : transaction.exec_prepared("queue_list")) {
            queue_ids_[text_of(row[0])] = row[1].as<std::int16_t>();
        }
    });
}

Result<std::int16_t> PostgresJobStore::queue_id(const std::string& queue) {
    auto found = queue_ids_.find(queue);
    if (found == queue_ids_.end()) {
        TRY_STATUS(read_queues());
        found = queue_ids_.find(queue);
    }
    if (found != queue_ids_.end()) return found->second;
    return Error{ErrorCode::kInvalidArgument, fmt::format("There is no queue '{}'.", queue)};
}

Result<std::vector<KnownModel>> PostgresJobStore::model_list() {
    std::vector<KnownModel> models;
    TRY_STATUS(session_.run(Effect::kRead, "model_list", [&](pqxx::transaction_base& transaction) {
        models.clear();
        for (const auto& row : transaction.exec_prepared("model_list")) {
            models.push_back({text_of(row[0]), text_of(row[1]), row[2].as<bool>()});
        }
    }));
    return models;
}

Result<std::vector<JobRecord>> PostgresJobStore::job_get(const std::vector<JobId>& ids,
                                                         JobFields fields) {
    std::vector<JobRecord> jobs;
    if (ids.empty()) return jobs;
    const auto ascending = sorted(ids);
    Status decoded = ok();
    TRY_STATUS(session_.run(Effect::kRead, "job_get", [&](pqxx::transaction_base& transaction) {
        jobs.clear();
        const auto rows = transaction.exec_prepared(
            "job_get", parameter(uuid_array(ascending)), ascending.front().uuid().str(),
            ascending.back().uuid().str(), fields.input, fields.output, fields.partial);
        for (const auto& row : rows) {
            jobs.push_back(job_of(row));
            if (const auto added = add_fields(jobs.back(), row); !added) decoded = added;
        }
    }));
    TRY_STATUS(decoded);
    if (fields.attempts) TRY_STATUS(add_attempts(jobs));
    return jobs;
}

Status PostgresJobStore::add_attempts(std::vector<JobRecord>& jobs) {
    std::map<JobId, JobRecord*> by_id;
    ArrayParameter ids(Element::kUuid);
    for (auto& job : jobs) {
        by_id[job.id] = &job;
        ids.add(job.id.uuid());
    }
    return session_.run(Effect::kRead, "job_attempts", [&](pqxx::transaction_base& transaction) {
        for (auto& job : jobs) job.attempts.clear();
        for (const auto& row : transaction.exec_prepared("job_attempts", parameter(ids))) {
            by_id.at(id_of<JobId>(row[0]))->attempts.push_back(attempt_of(row));
        }
    });
}

Result<std::vector<std::pair<std::string, JobId>>> PostgresJobStore::job_find(
    const std::vector<std::string>& client_ids) {
    std::vector<std::pair<std::string, JobId>> found;
    TRY_STATUS(session_.run(Effect::kRead, "job_find", [&](pqxx::transaction_base& transaction) {
        found.clear();
        for (const auto& row :
             transaction.exec_prepared("job_find", parameter(text_array(client_ids)))) {
            found.emplace_back(text_of(row[0]), id_of<JobId>(row[1]));
        }
    }));
    return found;
}

Result<JobStore::JobPage> PostgresJobStore::job_list(const JobFilter& filter, int look_max) {
    const auto* statement = filter.ascending ? "job_list_oldest" : "job_list_newest";
    const FilterParameters parameters(filter, filter.ascending);
    JobPage page;
    TRY_STATUS(session_.run(Effect::kRead, statement, [&](pqxx::transaction_base& transaction) {
        page = {};
        const auto rows = parameters.execute(transaction, statement, look_max, filter.limit + 1);
        for (const auto& row : rows) {
            if (!row[0].is_null()) page.jobs.push_back(job_of(row));
        }
        const auto& any = rows.front();
        page.next = optional_id_of<JobId>(any[any.size() - 1]);
    }));
    page.has_more = page.jobs.size() > static_cast<std::size_t>(filter.limit);
    if (page.has_more) page.jobs.pop_back();
    return page;
}

Result<JobStore::Count> PostgresJobStore::job_count(const JobFilter& filter, int look_max) {
    const FilterParameters parameters(filter, true);
    Count count;
    TRY_STATUS(session_.run(Effect::kRead, "job_count", [&](pqxx::transaction_base& transaction) {
        const auto row = parameters.execute(transaction, "job_count", look_max).front();
        count = {row[0].as<std::int64_t>(), optional_id_of<JobId>(row[1])};
    }));
    return count;
}

Result<std::vector<CancelledJob>> PostgresJobStore::job_cancel(const std::vector<JobId>& ids) {
    std::vector<CancelledJob> replies;
    TRY_STATUS(session_.transact("job_cancel", [&](pqxx::transaction_base& transaction) {
        replies.clear();
        const auto array = parameter(uuid_array(sorted(ids)));
        transaction.exec_prepared("job_cancel", array);
        // The first statement does not see a job that another writer finished meanwhile. The second
        // one does, and the transaction's own locks keep the other jobs as they are.
        for (const auto& row : transaction.exec_prepared("job_states", array)) {
            replies.push_back({.id = id_of<JobId>(row[0]),
                               .state = state_of(row[1]),
                               .epoch = row[2].as<Epoch>(),
                               .worker = optional_id_of<WorkerId>(row[3])});
        }
    }));
    return replies;
}

Result<JobStore::CancelledPage> PostgresJobStore::job_cancel_matching(const JobFilter& filter,
                                                                      int look_max) {
    const FilterParameters parameters(filter, true);
    CancelledPage page;
    const auto cancel = [&](pqxx::transaction_base& transaction) {
        page = {};
        const auto rows =
            parameters.execute(transaction, "job_cancel_matching", look_max, filter.limit);
        for (const auto& row : rows) {
            if (row[2].is_null()) continue;
            page.jobs.push_back({.id = id_of<JobId>(row[2]),
                                 .state = state_of(row[3]),
                                 .epoch = row[4].as<Epoch>(),
                                 .worker = optional_id_of<WorkerId>(row[5])});
        }
        // A full page may have left out some of the jobs that were looked at.
        const bool is_full = page.jobs.size() == static_cast<std::size_t>(filter.limit);
        if (is_full) {
            page.next = page.jobs.back().id;
        } else if (rows.front()[1].as<bool>()) {
            page.next = optional_id_of<JobId>(rows.front()[0]);
        }
    };
    TRY_STATUS(session_.run(Effect::kWrite, "job_cancel_matching", cancel));
    return page;
}

Result<std::vector<LaneStats>> PostgresJobStore::lane_stats() {
    std::vector<LaneStats> lanes;
    TRY_STATUS(session_.run(Effect::kRead, "lane_stats", [&](pqxx::transaction_base& transaction) {
        lanes.clear();
        for (const auto& row : transaction.exec_prepared("lane_stats", kCountedMax, kAgesMax)) {
            lanes.push_back(lane_of(row));
        }
    }));
    return lanes;
}

Result<std::vector<LaneAge>> PostgresJobStore::lane_ages(std::size_t limit) {
    std::vector<LaneAge> lanes;
    TRY_STATUS(session_.run(Effect::kRead, "lane_ages", [&](pqxx::transaction_base& transaction) {
        lanes.clear();
        for (const auto& row : transaction.exec_prepared("lane_ages", limit)) {
            lanes.push_back({text_of(row[0]), priority_of(row[1]), text_of(row[2]),
                             milliseconds(row[3].as<std::int64_t>())});
        }
    }));
    return lanes;
}

Result<std::vector<WorkerRecord>> PostgresJobStore::worker_list() {
    std::vector<WorkerRecord> workers;
    TRY_STATUS(session_.run(Effect::kRead, "worker_list", [&](pqxx::transaction_base& transaction) {
        workers.clear();
        for (const auto& row : transaction.exec_prepared("worker_list", kWorkersMax)) {
            workers.push_back(worker_of(row));
        }
    }));
    return workers;
}

}  // namespace millrace::storage::postgres
