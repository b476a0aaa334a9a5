// The `millrace` command: what it takes, and which function each command is.

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <functional>
#include <memory>

#include "common/base/log.h"
#include "common/process/init_process.h"
#include "producer/cli/commands.h"
#include "producer/cli/completion.h"
#include "producer/cli/up/control.h"
#include "producer/cli/up/up.h"

namespace millrace::cli {
namespace {

using Run = std::function<int()>;

// The parser writes into the commands' options, which their actions keep alive.
struct Program {
    CLI::App app{"Millrace: a durable queue for long-running generation jobs.", "millrace"};
    GlobalOptions global;
    Run run;  // Of the command that was parsed.

    CLI::App& command(const std::string& name, const std::string& help, Run action) {
        auto* command = app.add_subcommand(name, help);
        command->callback([this, action = std::move(action)] { run = action; });
        return *command;
    }
};

void add_submit(Program& program) {
    auto options = std::make_shared<SubmitOptions>();
    auto& command =
        program.command("submit", "Submit a job and print its id, or many from JSON lines",
                        [&program, options] { return run_submit(program.global, *options); });
    command.add_option("prompt", options->prompt, "The prompt's words; - reads standard input");
    command.add_option("--file,-f", options->file,
                       "Read the prompt from this file (-: standard input)");
    command.add_option("--jsonl", options->jsonl,
                       "Submit many: one request body a line (-: standard input)");
    command.add_option("--input", options->input, "The whole input, a JSON object");
    command.add_option("--model,-m", options->model, "The model to run")->capture_default_str();
    command.add_option("--queue,-q", options->queue, "The queue (default: default)");
    command.add_option("--priority,-p", options->priority, "high, normal or low");
    command.add_option("--max-tokens", options->tokens_max, "Tokens to generate at most");
    command.add_option("--max-attempts", options->attempts_max, "Failures that end the job");
    command.add_option("--timeout", options->timeout, "Of each attempt, e.g. 10m");
    command.add_option("--ttl", options->ttl, "Of the whole job, e.g. 24h");
    command.add_option("--run-at", options->run_at, "Not before this time (RFC 3339)");
    command.add_option("--metadata", options->metadata, "key=value; may be repeated");
    command.add_option("--idempotency-key", options->idempotency_key,
                       "Submitting twice with one key makes one job");
    command.add_flag("--chat", options->chat, "Send the prompt as a chat message");
    command.add_flag("--wait,-w", options->wait, "Wait until the job is final and print it");
    command.add_flag("--follow", options->follow, "Print the text as it is generated");
}

void add_job_commands(Program& program) {
    auto get = std::make_shared<GetOptions>();
    auto& get_command = program.command("get", "Show a job",
                                        [&program, get] { return run_get(program.global, *get); });
    get_command.add_option("id", get->id, "The job")->required();
    get_command.add_flag("--result", get->result, "Print the output alone");
    get_command.add_flag("--history,--attempts", get->history, "Show every attempt");

    auto wait = std::make_shared<WaitOptions>();
    auto seconds = std::make_shared<int>(0);
    auto& wait_command =
        program.command("wait", "Wait until jobs are final", [&program, wait, seconds] {
            wait->timeout = std::chrono::seconds(*seconds);
            return run_wait(program.global, *wait);
        });
    wait_command.add_option("ids", wait->ids, "The jobs")->required();
    wait_command.add_option("--timeout", *seconds, "Seconds to wait at most (0: for ever)");

    auto id = std::make_shared<std::string>();
    program
        .command("tail", "Follow a job: events, and its text as it is generated",
                 [&program, id] { return run_tail(program.global, *id); })
        .add_option("id", *id, "The job")
        ->required();

    auto ids = std::make_shared<std::vector<std::string>>();
    program
        .command("cancel", "Cancel jobs",
                 [&program, ids] { return run_cancel(program.global, *ids); })
        .add_option("ids", *ids, "The jobs")
        ->required();

    auto list = std::make_shared<ListOptions>();
    auto& list_command = program.command("list", "List jobs, newest first", [&program, list] {
        return run_list(program.global, *list);
    });
    list_command.add_option("--status", list->status, "One or more states, joined by commas");
    list_command.add_option("--queue,-q", list->queue, "Of this queue");
    list_command.add_option("--priority,-p", list->priority, "Of this priority");
    list_command.add_option("--model,-m", list->model, "For this model");
    list_command.add_option("--error", list->error, "With this error's code");
    list_command.add_option("--metadata", list->metadata, "key=value; all must match");
    list_command.add_option("--limit,-n", list->limit, "Jobs a page")->capture_default_str();
    list_command.add_flag("--all", list->all, "Every page");
}

void add_retry(Program& program) {
    auto options = std::make_shared<RetryOptions>();
    auto& command =
        program.command("retry", "Submit again what failed, expired or was cancelled",
                        [&program, options] { return run_retry(program.global, *options); });
    command.add_option("ids", options->ids, "The jobs; else those that match");
    command.add_option("--status", options->status, "failed (default), expired, cancelled")
        ->delimiter(',');
    command.add_option("--queue,-q", options->queue, "Of this queue");
    command.add_option("--priority,-p", options->priority, "Of this priority");
    command.add_option("--model,-m", options->model, "For this model");
    command.add_option("--error", options->error, "With this error's code, e.g. worker_lost");
    command.add_option("--metadata", options->metadata, "key=value; all must match");
    command.add_option("--created-after", options->created_after, "Submitted later (RFC 3339)");
    command.add_option("--created-before", options->created_before, "Submitted earlier");
    command.add_flag("--dry-run", options->dry_run, "Only say how many match");
    command.add_flag("--yes,-y", options->yes, "Do not ask");
}

void add_operations(Program& program) {
    program.command("queues", "Show what waits in each lane",
                    [&program] { return run_queues(program.global); });
    program.command("workers", "Show the workers",
                    [&program] { return run_workers(program.global); });

    auto migrate = std::make_shared<MigrateOptions>();
    auto& migrate_command =
        program.command("migrate", "Bring the database's schema up to date",
                        [&program, migrate] { return run_migrate(program.global, *migrate); });
    migrate_command
        .add_option("--conninfo", migrate->conninfo, "The database (libpq connection string)")
        ->envname("MILLRACE_POSTGRES_CONNINFO")
        ->required();
    migrate_command.add_option("--down", migrate->down, "Go back this many steps instead");
    migrate_command.add_flag("--status", migrate->status, "Only show which steps are applied");
}

void add_up(Program& program, const std::string& called) {
    auto options = std::make_shared<UpOptions>();
    options->program = called;
    auto& command = program.command("up", "Run the whole stack on this machine until Ctrl-C",
                                    [options] { return run_up(*options); });
    command
        .add_option("--port", options->port,
                    "The API's port, 8080 unless the settings say otherwise (0: any free one)")
        ->check(CLI::Range(0, 65535));
    command.add_option("--data", options->data, "Where jobs and results are kept");
    command.add_option("--workers", options->workers, "Worker processes")
        ->capture_default_str()
        ->check(CLI::Range(0, 64));
    command.add_flag("--kafka", options->kafka, "Run Apache Kafka instead of the in-memory broker");
    command.add_option("--config", options->config,
                       "A YAML file of settings (docs/configuration.md)");
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
                                         [logs] { return run_logs(*logs); });
    logs_command.add_option("part", logs->part, "gateway, worker, worker-1, postgres, kafka, ...");
    logs_command.add_flag("--follow,-f", logs->follow, "Go on as more is written, until Ctrl-C");
    logs_command.add_option("--lines,-n", logs->lines, "The last lines of each part")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000000));
    logs_command.add_option("--data", logs->data, "The directory of that `up`");

    const auto add = [&program](const std::string& name, const std::string& help,
                                int (*run)(const std::string&)) {
        auto data = std::make_shared<std::string>();
        program.command(name, help, [data, run] { return run(*data); })
            .add_option("--data", *data, "The directory of that `up`");
    };
    add("down", "Stop the `up` that runs on this machine", run_down);
    add("reload", "Have the workers of `up` load their settings and models anew", run_reload);
}

void add_completion(Program& program) {
    auto shell = std::make_shared<std::string>();
    program
        .command("completion", "Print the completion script of a shell",
                 [&program, shell] {
                     const auto script = completion_script(program.app, *shell);
                     if (!script.has_value()) return fail(script.error());
                     fmt::print("{}", *script);
                     return int{kOk};
                 })
        .add_option("shell", *shell, "bash, zsh or fish")
        ->required();
}

int run_program(int argc, char** argv) {
    init_logging({.program = ""});
    Program program;
    auto& app = program.app;
    app.require_subcommand(1);
    app.set_version_flag("--version", MILLRACE_VERSION);
    app.fallthrough();  // --url and --json are understood after the command, too.
    app.add_option("--url", program.global.url, "The gateway")
        ->envname("MILLRACE_URL")
        ->capture_default_str();
    app.add_flag("--json", program.global.json, "JSON for machines, one value a line");
    app.footer(
        "Exit codes: 0 done, 1 the job did not complete, 2 wrong usage, 3 no such job, "
        "4 the gateway is not reachable, 5 the wait timed out.");
    add_up(program, argv[0]);
    add_control(program);
    add_submit(program);
    add_job_commands(program);
    add_retry(program);
    add_operations(program);
    add_completion(program);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;
    }
    return program.run();
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
    millrace::process::open_standard_descriptors();
    return millrace::cli::run_program(argc, argv);
}
