// Applies and undoes the steps of the schema, each in its own transaction under one advisory lock.
//
// Threads: thread-safe. Blocks: for as long as the steps take, and while another process migrates.
// Errors:  kUnavailable (PostgreSQL cannot be reached), kInvalidArgument (the database's encoding
//          is not UTF8), kInternal (a step failed; the message names it, and the steps before
//          it, which stay applied).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/postgres/embedded_text.h"

namespace millrace::storage::postgres {

// The files of migrations/: NNNN_name.up.sql and NNNN_name.down.sql.
std::span<const EmbeddedText> migration_files();

struct MigrationStep {
    int version = 0;
    std::string name;  // "0001_create_jobs"
    bool applied = false;
};

struct MigrationReport {
    std::vector<std::string> steps;  // The steps that this call applied or undid, in order.
    int version = 0;                 // The schema's version now; 0: none.
};

Result<MigrationReport> migrate_up(const std::string& conninfo);
// Undoes the last `steps` steps. Deletes everything that they made, jobs included.
Result<MigrationReport> migrate_down(const std::string& conninfo, int steps);
Result<std::vector<MigrationStep>> migration_status(const std::string& conninfo);

}  // namespace millrace::storage::postgres
