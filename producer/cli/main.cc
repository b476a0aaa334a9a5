// The `millrace` command: runs its parser, and reports an exception that nothing caught.

#include <algorithm>
#include <csignal>
#include <exception>
#include <memory>

#include "common/base/log.h"
#include "common/process/init_process.h"
#include "producer/cli/arguments.h"
#include "producer/cli/parser.h"
#include "producer/cli/terminal.h"
#include "producer/cli/up/control.h"
#include "producer/cli/up/up.h"

namespace millrace::cli {
namespace {

void add_migrate(Program& program) {
    auto migrate = std::make_shared<MigrateOptions>();
    auto down = std::make_shared<std::optional<int>>();
    auto& command = program.command("migrate", "Bring the database's schema up to date",
                                    "millrace migrate --conninfo \"host=db dbname=millrace\"\n"
                                    "millrace migrate --status",
                                    [&program, migrate, down] {
                                        migrate->down = down->value_or(0);
                                        return run_migrate(program.global, *migrate);
                                    });
    Arguments arguments(program, command);
    arguments
        .text("--conninfo", migrate->conninfo, "Connect to this database (libpq connection string)")
        ->envname("MILLRACE_POSTGRES_CONNINFO")
        ->required();
    arguments.count("--down", *down, "Go back this many steps instead");
    arguments.flag("--status", migrate->status, "Only show which steps are applied");
}

int show_logs(const up::LogsOptions& options) {
    std::signal(SIGPIPE, SIG_DFL);  // For the `tail` that shows them.
    return up::run_logs(options);
}

int run_program(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    init_logging({.program = ""});
    Program program;
    add_up_commands(
        program, argc > 0 ? argv[0] : "millrace",
        {.up = up::run_up, .logs = show_logs, .down = up::run_down, .reload = up::run_reload});
    add_client_commands(program);
    add_migrate(program);
    return run_arguments(program, {argv + std::min(argc, 1), argv + argc});
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
    using namespace millrace::cli;
    try {
        millrace::process::open_standard_descriptors();
        return run_program(argc, argv);
    } catch (const std::exception& error) {
        note(std::string("unexpected error: ") + error.what());
    } catch (...) {
        note("unexpected error");
    }
    return kFailure;
}
