// The commands' arguments, a function for each group; add_client_commands() calls them, but for
// those of `up`.
#pragma once

#include <string>

#include "producer/cli/parser.h"
#include "producer/cli/up/control.h"
#include "producer/cli/up/options.h"

namespace millrace::cli {

void add_submit(Program& program);
void add_job_commands(Program& program);
void add_bulk_commands(Program& program);
void add_system_commands(Program& program);

// What is done for `up` and its like, which only the program itself has.
struct UpRuns {
    int (*up)(const UpOptions& options);
    int (*logs)(const LogsOptions& options);
    int (*down)(const std::string& data);
    int (*reload)(const std::string& data);
};
// `called`: as the program was.
void add_up_commands(Program& program, const std::string& called, const UpRuns& runs);

}  // namespace millrace::cli
