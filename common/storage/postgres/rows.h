// Converts rows of results to values, column by column, as the statements of sql/ return them.
// Internal to this folder.
//
// Errors: throws if a row is not what its statement promises.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "common/storage/records.h"

namespace millrace::storage::postgres {

Uuid uuid_of(const pqxx::field& field);
std::optional<DbTime> time_of(const pqxx::field& field);  // From microseconds.
std::optional<std::int64_t> count_of(const pqxx::field& field);
std::string text_of(const pqxx::field& field);  // Empty for null.
std::string bytes_of(const pqxx::field& field);
JobState state_of(const pqxx::field& field);
Priority priority_of(const pqxx::field& field);
std::size_t index_of(const pqxx::field& ordinal);  // Ordinals start at 1.

template <class Id>
Id id_of(const pqxx::field& field) {
    return Id(uuid_of(field));
}

template <class Id>
std::optional<Id> optional_id_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return Id(uuid_of(field));
}

// Rows of job_claim and job_steal, from the second column on.
Claim claim_of(JobId job, const pqxx::row& row);
JobRecord job_of(const pqxx::row& row);          // job_list_*, job_get
AttemptRecord attempt_of(const pqxx::row& row);  // job_attempts
LaneStats lane_of(const pqxx::row& row);         // lane_stats
WorkerRecord worker_of(const pqxx::row& row);    // worker_list
MovedJob moved_of(const pqxx::row& row);         // keeper_*

}  // namespace millrace::storage::postgres
