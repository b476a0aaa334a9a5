#include "common/storage/postgres/rows.h"

#include <stdexcept>

namespace millrace::storage::postgres {
namespace {

std::vector<std::string> texts_of(const pqxx::field& field) {
    std::vector<std::string> texts;
    auto parser = field.as_array();
    for (auto item = parser.get_next(); item.first != pqxx::array_parser::done;
         item = parser.get_next()) {
        if (item.first == pqxx::array_parser::string_value) texts.push_back(item.second);
    }
    return texts;
}

}  // namespace

Uuid uuid_of(const pqxx::field& field) {
    const auto uuid = Uuid::parse({field.c_str(), field.size()});
    if (!uuid) throw std::runtime_error("PostgreSQL sent an invalid uuid");
    return *uuid;
}

std::optional<DbTime> time_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return DbTime(std::chrono::microseconds(field.as<std::int64_t>()));
}

std::string text_of(const pqxx::field& field) {
    return field.is_null() ? std::string() : std::string(field.c_str(), field.size());
}

std::string bytes_of(const pqxx::field& field) {
    return pqxx::binarystring(field).str();
}

JobState state_of(const pqxx::field& field) {
    const auto state = job_state_from_number(field.as<int>());
    if (!state) throw std::runtime_error("PostgreSQL sent an unknown state");
    return *state;
}

Priority priority_of(const pqxx::field& field) {
    return static_cast<Priority>(field.as<int>());
}

std::size_t index_of(const pqxx::field& ordinal) {
    return ordinal.as<std::size_t>() - 1;
}

Claim claim_of(JobId job, const pqxx::row& row) {
    return {.key = {.job = job, .epoch = row[1].as<Epoch>()},
            .attempt = row[2].as<int>(),
            .failures = row[3].as<int>(),
            .losses = row[4].as<int>(),
            .remaining = milliseconds(row[5].as<std::int64_t>()),
            .deadline_is_ttl = row[6].as<bool>()};
}

std::optional<std::int64_t> count_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<std::int64_t>();
}

JobRecord job_of(const pqxx::row& row) {
    JobRecord job;
    job.id = id_of<JobId>(row[0]);
    job.state = state_of(row[1]);
    job.queue = text_of(row[2]);
    job.priority = priority_of(row[3]);
    job.model = text_of(row[4]);
    job.epoch = row[5].as<Epoch>();
    job.attempt = row[6].as<int>();
    job.failures = row[7].as<int>();
    job.interruptions = row[8].as<int>();
    job.attempts_max = row[9].as<int>();
    job.worker = optional_id_of<WorkerId>(row[10]);
    job.worker_name = text_of(row[11]);
    job.created_at = time_of(row[12]).value_or(DbTime());
    job.run_at = time_of(row[13]);
    job.queued_at = time_of(row[14]);
    job.started_at = time_of(row[15]);
    job.finished_at = time_of(row[16]);
    job.expires_at = time_of(row[17]);
    job.cancel_requested_at = time_of(row[18]);
    job.error_code = text_of(row[19]);
    job.error_message = text_of(row[20]);
    job.usage = {.prompt_tokens = count_of(row[21]), .completion_tokens = count_of(row[22])};
    job.metadata_json = text_of(row[23]);
    job.retry_of = optional_id_of<JobId>(row[24]);
    job.client_id = text_of(row[25]);
    job.retried_by = optional_id_of<JobId>(row[26]);
    return job;
}

AttemptRecord attempt_of(const pqxx::row& row) {
    AttemptRecord attempt;
    attempt.epoch = row[1].as<Epoch>();
    attempt.worker = optional_id_of<WorkerId>(row[2]);
    attempt.worker_name = text_of(row[3]);
    attempt.started_at = time_of(row[4]).value_or(DbTime());
    attempt.ended_at = time_of(row[5]);
    if (!row[6].is_null()) attempt.outcome = outcome_kind_from_number(row[6].as<int>());
    attempt.error_code = text_of(row[7]);
    attempt.error_message = text_of(row[8]);
    if (!row[9].is_null()) attempt.counted_as = static_cast<CountedAs>(row[9].as<int>());
    return attempt;
}

LaneStats lane_of(const pqxx::row& row) {
    LaneStats lane{.queue = text_of(row[0]),
                   .priority = priority_of(row[1]),
                   .queued = row[2].as<std::int64_t>(),
                   .scheduled = row[3].as<std::int64_t>(),
                   .in_progress = row[4].as<std::int64_t>()};
    if (!row[5].is_null()) lane.oldest_age = milliseconds(row[5].as<std::int64_t>());
    lane.is_estimate = row[6].as<bool>();
    return lane;
}

WorkerRecord worker_of(const pqxx::row& row) {
    return {.info = {.id = id_of<WorkerId>(row[0]),
                     .name = text_of(row[1]),
                     .host = text_of(row[2]),
                     .pid = row[3].as<int>(),
                     .slots = row[4].as<int>(),
                     .queues = texts_of(row[5]),
                     .models = texts_of(row[6]),
                     .devices = texts_of(row[7])},
            .state = static_cast<WorkerState>(row[8].as<int>()),
            .started_at = time_of(row[9]).value_or(DbTime()),
            .heartbeat_age = milliseconds(row[10].as<std::int64_t>()),
            .active = row[11].as<int>()};
}

MovedJob moved_of(const pqxx::row& row) {
    return {.id = id_of<JobId>(row[0]),
            .queue = text_of(row[1]),
            .priority = priority_of(row[2]),
            .epoch = row[3].as<Epoch>(),
            .state = state_of(row[4])};
}

}  // namespace millrace::storage::postgres
