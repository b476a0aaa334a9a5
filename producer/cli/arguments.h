// The commands' arguments, one function per group. add_client_commands() calls all of them except
// add_up_commands().
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

// The functions that run `up` and its companions. Only the program itself has them.
struct UpRuns {
    int (*up)(const up::UpOptions& options);
    int (*logs)(const up::LogsOptions& options);
    int (*down)(const std::string& data);
    int (*reload)(const std::string& data);
};
// `called` is how the program was called.
void add_up_commands(Program& program, const std::string& called, const UpRuns& runs);

}  // namespace millrace::cli
