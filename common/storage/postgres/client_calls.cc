// What clients and gateways ask of the store.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage {
namespace {

using Element = ArrayParameter::Element;

void add_optional(ArrayParameter& array, const std::optional<milliseconds>& value) {
    value ? array.add_int8(value->count()) : array.add_null();
}

// The columns of job_insert.sql, in its order.
struct InsertColumns {
    ArrayParameter ids{Element::kUuid};
    ArrayParameter queues{Element::kInt2};
    ArrayParameter priorities{Element::kInt2};
    ArrayParameter models{Element::kText};
    ArrayParameter timeouts{Element::kInt8};
    ArrayParameter start_within{Element::kInt8};
    ArrayParameter ttls{Element::kInt8};
    ArrayParameter attempts_max{Element::kInt2};
    ArrayParameter run_at{Element::kTimestamptz};
    ArrayParameter specs{Element::kBytea};
    ArrayParameter metadata{Element::kText};
    std::size_t count = 0;

    void add(const NewJob& job, std::int16_t queue) {
        const auto& spec = job.spec;
        ids.add(job.id.uuid());
        queues.add_int2(queue);
        priorities.add_int2(static_cast<int>(spec.priority));
        models.add_bytes(spec.model);
        timeouts.add_int8(spec.policy.execution_timeout.count());
        add_optional(start_within, spec.policy.start_within);
        add_optional(ttls, spec.policy.ttl);
        attempts_max.add_int2(spec.policy.attempts_max);
        job.run_at ? run_at.add_time(*job.run_at) : run_at.add_null();
        specs.add_bytes(job.encoded_spec);
        spec.metadata_json.empty() ? metadata.add_null() : metadata.add_bytes(spec.metadata_json);
        ++count;
    }

    void insert(pqxx::transaction_base& transaction, std::map<JobId, JobState>& states) {
        if (count == 0) return;
        const auto rows = transaction.exec_prepared(
            "job_insert", parameter(ids), parameter(queues), parameter(priorities),
            parameter(models), parameter(timeouts), parameter(start_within), parameter(ttls),
            parameter(attempts_max), parameter(run_at), parameter(specs), parameter(metadata));
        for (const auto& row : rows) states[id_of<JobId>(row[0])] = state_of(row[1]);
    }
};

// Jobs with a key, in the order of their keys: two batches that share keys take them in one order.
std::vector<const NewJob*> keyed_jobs(const std::vector<NewJob>& jobs) {
    std::vector<const NewJob*> keyed;
    for (const auto& job : jobs) {
        if (job.idempotency) keyed.push_back(&job);
    }
    std::ranges::stable_sort(keyed, {}, [](const NewJob* job) { return job->idempotency->key; });
    return keyed;
}

std::string_view fingerprint_of(const NewJob& job) {
    const auto& bytes = job.idempotency->fingerprint;
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Who owns each key once this transaction has taken those that were free.
struct KeyOwner {
    JobId job;
    JobState state = JobState::kQueued;
    bool same_fingerprint = true;
};
using KeyOwners = std::map<std::pair<std::string, std::string>, KeyOwner>;  // By key, fingerprint.

KeyOwners take_keys(pqxx::transaction_base& transaction, const std::vector<const NewJob*>& keyed) {
    ArrayParameter keys(Element::kText);
    ArrayParameter prints(Element::kBytea);
    ArrayParameter ids(Element::kUuid);
    for (const auto* job : keyed) {
        keys.add_bytes(job->idempotency->key);
        prints.add_bytes(fingerprint_of(*job));
        ids.add(job->id.uuid());
    }
    transaction.exec_prepared("idempotency_take", parameter(keys), parameter(prints),
                              parameter(ids));
    KeyOwners owners;
    const auto rows =
        transaction.exec_prepared("idempotency_get", parameter(keys), parameter(prints));
    for (const auto& row : rows) {
        owners[{text_of(row[0]), bytes_of(row[1])}] = {.job = id_of<JobId>(row[3]),
                                                       .state = state_of(row[4]),
                                                       .same_fingerprint = row[2].as<bool>()};
    }
    return owners;
}

std::vector<JobId> sorted(std::vector<JobId> ids) {
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return ids;
}

}  // namespace

Status PostgresJobStore::store_probe() {
    return session_.run(Effect::kRead, "store_probe", [](pqxx::transaction_base& transaction) {
        transaction.exec_prepared("store_probe");
    });
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
    return Error{ErrorCode::kInvalidArgument, fmt::format("no queue is named '{}'", queue)};
}

Result<std::vector<std::pair<std::string, std::string>>> PostgresJobStore::model_list() {
    std::vector<std::pair<std::string, std::string>> models;
    TRY_STATUS(session_.run(Effect::kRead, "model_list", [&](pqxx::transaction_base& transaction) {
        models.clear();
        for (const auto& row : transaction.exec_prepared("model_list")) {
            models.emplace_back(text_of(row[0]), text_of(row[1]));
        }
    }));
    return models;
}

Result<std::vector<InsertedJob>> PostgresJobStore::job_insert(const std::vector<NewJob>& jobs) {
    std::vector<std::int16_t> queues;
    for (const auto& job : jobs) {
        TRY(const auto id, queue_id(job.spec.queue));
        queues.push_back(id);
    }
    const auto keyed = keyed_jobs(jobs);
    std::vector<InsertedJob> inserted;
    const auto body = [&](pqxx::transaction_base& transaction) {
        inserted.clear();
        const auto owners = keyed.empty() ? KeyOwners() : take_keys(transaction, keyed);
        InsertColumns columns;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            const auto& job = jobs[i];
            InsertedJob reply{.id = job.id};
            if (job.idempotency) {
                const auto& owner =
                    owners.at({job.idempotency->key, std::string(fingerprint_of(job))});
                reply.replayed = owner.job != job.id;
                reply.key_reused = reply.replayed && !owner.same_fingerprint;
                reply.id = owner.job;
                reply.state = owner.state;
            }
            if (!reply.replayed) columns.add(job, queues[i]);
            inserted.push_back(reply);
        }
        std::map<JobId, JobState> states;
        columns.insert(transaction, states);
        for (auto& reply : inserted) {
            if (const auto found = states.find(reply.id); found != states.end()) {
                reply.state = found->second;
            }
        }
    };
    if (keyed.empty()) {
        TRY_STATUS(session_.run(Effect::kWrite, "job_insert", body));
    } else {
        TRY_STATUS(session_.transact("job_insert", body));
    }
    return inserted;
}

Result<std::vector<JobRecord>> PostgresJobStore::job_get(const std::vector<JobId>& ids,
                                                         JobFields fields) {
    std::vector<JobRecord> jobs;
    TRY_STATUS(session_.run(Effect::kRead, "job_get", [&](pqxx::transaction_base& transaction) {
        jobs.clear();
        for (const auto& row :
             transaction.exec_prepared("job_get", parameter(uuid_array(sorted(ids))))) {
            jobs.push_back(job_of(row));
        }
    }));
    JobIndex index;
    for (auto& job : jobs) index[job.id] = &job;
    TRY_STATUS(add_fields(index, ids, fields));
    return jobs;
}

Status PostgresJobStore::add_fields(JobIndex& jobs, const std::vector<JobId>& ids,
                                    JobFields fields) {
    const auto each = [&](const char* statement, const auto& take) -> Status {
        return session_.run(Effect::kRead, statement, [&](pqxx::transaction_base& transaction) {
            for (const auto& row :
                 transaction.exec_prepared(statement, parameter(uuid_array(sorted(ids))))) {
                const auto job = jobs.find(id_of<JobId>(row[0]));
                if (job != jobs.end()) take(*job->second, row);
            }
        });
    };
    if (fields.input) {
        TRY(const auto specs, job_specs(ids));
        for (const auto& [id, spec] : specs) {
            if (jobs.contains(id)) jobs[id]->input_json = spec.input_json;
        }
    }
    if (fields.output) {
        TRY_STATUS(each("job_outputs", [](JobRecord& job, const pqxx::row& row) {
            job.output_json = text_of(row[1]);
        }));
    }
    if (fields.partial) {
        TRY_STATUS(each("job_partials", [](JobRecord& job, const pqxx::row& row) {
            job.partial_text = text_of(row[1]);
            job.partial_sequence = row[2].as<std::uint32_t>();
        }));
    }
    if (fields.attempts) {
        for (auto& [id, job] : jobs) job->attempts.clear();
        TRY_STATUS(each("job_attempts", [](JobRecord& job, const pqxx::row& row) {
            job.attempts.push_back(attempt_of(row));
        }));
    }
    return ok();
}

Result<JobStore::JobPage> PostgresJobStore::job_list(const JobFilter& filter) {
    const auto statement = filter.ascending ? "job_list_oldest" : "job_list_newest";
    constexpr auto kLast = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    const auto from = filter.after       ? filter.after->uuid().str()
                      : filter.ascending ? Uuid().str()
                                         : std::string(kLast);
    nlohmann::json metadata = nlohmann::json::object();
    for (const auto& [key, value] : filter.metadata) metadata[key] = value;
    const auto metadata_text = metadata.dump();
    std::string states = "{";
    for (const auto state : filter.states) {
        states += fmt::format("{}{}", states.size() > 1 ? "," : "", static_cast<int>(state));
    }
    states += "}";
    const auto time_text = [](const std::optional<DbTime>& time) {
        return time ? std::to_string(time->time_since_epoch().count()) : std::string();
    };
    const auto nullable = [](const std::string& text, bool given) {
        return given ? text.c_str() : nullptr;
    };
    const auto after = time_text(filter.created_after);
    const auto before = time_text(filter.created_before);
    const auto queue = filter.queue.value_or("");
    const auto model = filter.model.value_or("");
    const auto priority =
        std::to_string(static_cast<int>(filter.priority.value_or(Priority::kHigh)));
    std::vector<JobId> ids;
    TRY_STATUS(session_.run(Effect::kRead, statement, [&](pqxx::transaction_base& transaction) {
        ids.clear();
        for (const auto& row : transaction.exec_prepared(
                 statement, nullable(states, !filter.states.empty()),
                 nullable(queue, filter.queue.has_value()),
                 nullable(priority, filter.priority.has_value()),
                 nullable(model, filter.model.has_value()),
                 nullable(metadata_text, !filter.metadata.empty()),
                 nullable(after, filter.created_after.has_value()),
                 nullable(before, filter.created_before.has_value()), from, filter.limit + 1)) {
            ids.push_back(id_of<JobId>(row[0]));
        }
    }));
    JobPage page;
    page.has_more = ids.size() > static_cast<std::size_t>(filter.limit);
    if (page.has_more) ids.pop_back();
    TRY(page.jobs, job_get(ids, {}));
    std::ranges::sort(page.jobs, {}, &JobRecord::id);
    if (!filter.ascending) std::ranges::reverse(page.jobs);
    return page;
}

Result<std::vector<CancelledJob>> PostgresJobStore::job_cancel(const std::vector<JobId>& ids) {
    std::map<JobId, CancelledJob> cancelled;
    TRY_STATUS(session_.transact("job_cancel", [&](pqxx::transaction_base& transaction) {
        cancelled.clear();
        // What another writer moved in between is not in the first statement's answer: the second
        // reads every row as it is now.
        const auto array = uuid_array(sorted(ids));
        transaction.exec_prepared("job_cancel", parameter(ArrayParameter(array)));
        for (const auto& row :
             transaction.exec_prepared("job_fences", parameter(ArrayParameter(array)))) {
            cancelled[id_of<JobId>(row[0])] = {.id = id_of<JobId>(row[0]),
                                               .state = state_of(row[1]),
                                               .epoch = row[2].as<Epoch>(),
                                               .worker = optional_id_of<WorkerId>(row[3])};
        }
    }));
    std::vector<CancelledJob> replies;
    for (const auto& [id, reply] : cancelled) replies.push_back(reply);
    return replies;
}

Result<std::vector<LaneStats>> PostgresJobStore::lane_stats() {
    std::vector<LaneStats> lanes;
    TRY_STATUS(session_.run(Effect::kRead, "lane_stats", [&](pqxx::transaction_base& transaction) {
        lanes.clear();
        for (const auto& row : transaction.exec_prepared("lane_stats")) {
            LaneStats lane{.queue = text_of(row[0]),
                           .priority = priority_of(row[1]),
                           .queued = row[2].as<std::int64_t>(),
                           .scheduled = row[3].as<std::int64_t>(),
                           .in_progress = row[4].as<std::int64_t>()};
            if (!row[5].is_null()) lane.oldest_age = milliseconds(row[5].as<std::int64_t>());
            lanes.push_back(std::move(lane));
        }
    }));
    return lanes;
}

Result<std::vector<WorkerRecord>> PostgresJobStore::worker_list() {
    std::vector<WorkerRecord> workers;
    TRY_STATUS(session_.run(Effect::kRead, "worker_list", [&](pqxx::transaction_base& transaction) {
        workers.clear();
        for (const auto& row : transaction.exec_prepared("worker_list")) {
            workers.push_back(worker_of(row));
        }
    }));
    return workers;
}

}  // namespace millrace::storage
