// The JobStore on top of PostgreSQL.
//
// Threads: each store has one caller at a time; postgres_store() may be called from any thread.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/storage/job_store.h"

namespace millrace::storage::postgres {

struct PostgresOptions {
    std::string conninfo;  // In the form that libpq takes.
    std::string application_name = "millrace";
    milliseconds connect_timeout{5000};
    milliseconds statement_timeout{15000};  // For each statement; PostgreSQL then cancels it.
    // Uses plans that rely on the indexes, even if they are made while the tables are empty.
    bool pin_plans = true;
};

// ok() if this program works with the schema: it was built for it, or for one that is older or
// newer by steps that say so (docs/upgrades.md); else kInvalidArgument, saying which one it is and
// what to run. kInvalidArgument also if the database's encoding is not UTF8. kUnavailable if the
// database cannot be reached.
Status check_schema(const PostgresOptions& options);

// Opens stores on one database.
OpenStore postgres_store(PostgresOptions options);

}  // namespace millrace::storage::postgres
