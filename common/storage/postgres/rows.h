// Rows of results as values. Internal to this folder.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "common/storage/records.h"

namespace millrace::storage {

Uuid uuid_of(const pqxx::field& field);
std::optional<DbTime> time_of(const pqxx::field& field);  // From microseconds.
std::string text_of(const pqxx::field& field);            // Empty for null.
std::string bytes_of(const pqxx::field& field);
JobState state_of(const pqxx::field& field);
Priority priority_of(const pqxx::field& field);
// From a text array.
std::vector<std::string> texts_of(const pqxx::field& field);

template <class Id>
Id id_of(const pqxx::field& field) {
    return Id(uuid_of(field));
}

template <class Id>
std::optional<Id> optional_id_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return Id(uuid_of(field));
}

Claim claim_of(const pqxx::row& row);            // job_claim, job_steal
JobRecord job_of(const pqxx::row& row);          // job_get
AttemptRecord attempt_of(const pqxx::row& row);  // job_attempts, from column 1
WorkerRecord worker_of(const pqxx::row& row);    // worker_list
MovedJob moved_of(const pqxx::row& row);         // keeper_*

}  // namespace millrace::storage
