// The schema's steps, up and down, each in a transaction of its own under one advisory lock.
//
// Threads: thread-safe. Blocks: as long as the steps take, and while another process migrates.
// Errors:  kUnavailable (PostgreSQL cannot be reached), kInternal (a step failed; the ones before
//          it stay applied).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/embedded_text.h"
#include "common/base/result.h"

namespace millrace::storage {

// The files of migrations/: NNNN_name.up.sql and NNNN_name.down.sql.
std::span<const EmbeddedText> migration_files();

struct MigrationStep {
    int version = 0;
    std::string name;  // "0001_create_jobs"
    bool applied = false;
};

struct MigrationReport {
    std::vector<std::string> steps;  // That this call applied or undid, in order.
    int version = 0;                 // Of the schema now; 0: none.
};

Result<MigrationReport> migrate_up(const std::string& conninfo);
// Undoes the last `steps` steps. Deletes what they made, jobs included.
Result<MigrationReport> migrate_down(const std::string& conninfo, int steps);
Result<std::vector<MigrationStep>> migration_status(const std::string& conninfo);

}  // namespace millrace::storage
