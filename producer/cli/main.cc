// The `millrace` command: its parser, and what becomes of an exception that nothing caught.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <memory>

#include "common/base/log.h"
#include "common/process/init_process.h"
#include "producer/cli/parser.h"
#include "producer/cli/terminal.h"
#include "producer/cli/up/control.h"
#include "producer/cli/up/up.h"

namespace millrace::cli {
namespace {

constexpr const char* kUpExamples =
    "millrace up                          # the synthetic model\n"
    "millrace up --model FILE.gguf\n"
    "millrace up --process \"python3 model.py\" --port 9000";

// "$DATA" that is not set would mean the place of all others.
const CLI::Validator kNotEmpty(
    [](const std::string& value) {
        return value.empty() ? std::string("the value is empty") : std::string();
    },
    "");

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
    arguments.text("--conninfo", migrate->conninfo, "The database (libpq connection string)")
        ->envname("MILLRACE_POSTGRES_CONNINFO")
        ->required();
    arguments.count("--down", *down, "Go back this many steps instead");
    arguments.flag("--status", migrate->status, "Only show which steps are applied");
}

void add_up(Program& program, const std::string& called) {
    auto options = std::make_shared<UpOptions>();
    options->program = called;
    auto& command = program.command("up", "Run the whole stack on this machine until Ctrl-C",
                                    kUpExamples, [options] { return run_up(*options); });
    command
        .add_option("--port", options->port,
                    "The API's port, 8080 unless the settings say otherwise (0: any free one)")
        ->check(CLI::Range(0, 65535));
    command.add_option("--data", options->data, "Where jobs and results are kept")
        ->check(kNotEmpty);
    command.add_option("--workers", options->workers, "Worker processes")
        ->capture_default_str()
        ->check(CLI::Range(0, 64));
    command.add_flag("--kafka", options->kafka, "Run Apache Kafka instead of the in-memory broker");
    command
        .add_option("--config", options->config, "A YAML file of settings (docs/configuration.md)")
        ->check(kNotEmpty);
    command.add_option("--model", options->models,
                       "A GGUF model file to serve in process; may be repeated");
    command.add_option(
        "--backend-url", options->backend_urls,
        "An OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1; may be repeated");
    command
        .add_option(
            "--process", options->processes,
            "A program that runs jobs, e.g. \"python3 model.py\", quoted as in a shell; may "
            "be repeated (docs/backends.md)")
        ->allow_extra_args(false);
    command
        .add_option("--set", options->settings,
                    "name=value: any setting of docs/configuration.md; may be repeated, and those "
                    "of a list add up")
        ->allow_extra_args(false);
}

void add_control(Program& program) {
    auto logs = std::make_shared<LogsOptions>();
    auto& logs_command = program.command("logs", "Show what the parts of `up` wrote",
                                         "millrace logs worker -f", [logs] {
                                             // For the program that shows them.
                                             std::signal(SIGPIPE, SIG_DFL);
                                             return run_logs(*logs);
                                         });
    logs_command.add_option("part", logs->part, "gateway, worker, worker-1, postgres, kafka, ...");
    logs_command.add_flag("--follow,-f", logs->follow, "Go on as more is written, until Ctrl-C");
    logs_command.add_option("--lines,-n", logs->lines, "The last lines of each part")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000000));
    logs_command.add_option("--data", logs->data, "The directory of that `up`")->check(kNotEmpty);

    const auto add = [&program](const std::string& name, const std::string& help,
                                int (*run)(const std::string&)) {
        auto data = std::make_shared<std::string>();
        program.command(name, help, "", [data, run] { return run(*data); })
            .add_option("--data", *data, "The directory of that `up`")
            ->check(kNotEmpty);
    };
    add("down", "Stop the `up` that runs on this machine", run_down);
    add("reload", "Have the workers of `up` load their settings and models anew", run_reload);
}

int run_program(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    init_logging({.program = ""});
    Program program;
    add_up(program, argc > 0 ? argv[0] : "millrace");
    add_control(program);
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
        note(std::string("this should not have happened: ") + error.what());
    } catch (...) {
        note("this should not have happened");
    }
    return kFailure;
}
