// The JobStore on PostgreSQL.
//
// Threads: each store has one caller at a time; postgres_store() may be called from any thread.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/storage/job_store.h"

namespace millrace::storage {

struct PostgresOptions {
    std::string conninfo;  // As libpq takes it.
    std::string application_name = "millrace";
    milliseconds connect_timeout{5000};
    milliseconds statement_timeout{15000};  // Of each statement; PostgreSQL cancels it then.
    // Keeps plans that use the indexes, also when they are made while the tables are empty.
    bool pin_plans = true;
};

// ok() when the schema is the one that this program was built for; else kInvalidArgument, which
// says what it is and what to run. kUnavailable when the database cannot be reached.
Status check_schema(const PostgresOptions& options);

// Opens stores on one database.
OpenStore postgres_store(PostgresOptions options);

}  // namespace millrace::storage
