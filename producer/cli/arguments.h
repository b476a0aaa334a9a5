// The commands' arguments, a function for each group; add_client_commands() calls them.
#pragma once

#include "producer/cli/parser.h"

namespace millrace::cli {

void add_submit(Program& program);
void add_job_commands(Program& program);
void add_bulk_commands(Program& program);
void add_system_commands(Program& program);

}  // namespace millrace::cli
