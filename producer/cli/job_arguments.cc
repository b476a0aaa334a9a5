// The arguments of `millrace get`, `wait`, `tail`, `list`, `retry` and `cancel`.
#include <memory>

#include "producer/cli/arguments.h"

namespace millrace::cli {
namespace {

// The states that a filter may name.
const std::vector<std::string>& all_states() {
    static const std::vector<std::string> states{"scheduled",   "blocked",    "queued",
                                                 "in_progress", "cancelling", "completed",
                                                 "failed",      "cancelled",  "expired"};
    return states;
}

void add_filter(Arguments& arguments, FilterOptions& filter, const std::vector<std::string>& states,
                const std::string& status_help) {
    arguments.choices("--status", filter.status, status_help, states);
    arguments.text("--queue,-q", filter.queue, "Select the jobs of this queue");
    arguments.choice("--priority,-p", filter.priority, "Select the jobs of this priority",
                     {"high", "normal", "low"});
    arguments.text("--model,-m", filter.model, "Select the jobs for this model");
    arguments.text("--error", filter.error,
                   "Select the jobs with this error code, e.g. worker_lost");
    arguments.pairs("--metadata", filter.metadata,
                    "Select the jobs with this pair; may be repeated");
    arguments.text("--created-after", filter.created_after,
                   "Select the jobs submitted after this time (RFC 3339)");
    arguments.text("--created-before", filter.created_before,
                   "Select the jobs submitted before this time");
}

void add_bulk(Arguments& arguments, BulkOptions& options, const std::vector<std::string>& states,
              const std::string& status_help) {
    arguments.ids("ids", options.ids, "The jobs; without ids, a filter or --all selects them");
    add_filter(arguments, options.filter, states, status_help);
    arguments.flag("--dry-run", options.dry_run, "Only print how many jobs match");
    arguments.flag("--yes,-y", options.yes, "Do not ask for confirmation");
}

void add_get(Program& program) {
    auto get = std::make_shared<GetOptions>();
    auto& command = program.command("get", "Show a job",
                                    "millrace get ID\n"
                                    "millrace get --result ID     # the output alone\n"
                                    "millrace get --history ID    # every attempt",
                                    [&program, get] { return run_get(program.global, *get); });
    Arguments arguments(program, command);
    arguments.id("id", get->id, "The job");
    arguments.flag("--result", get->result, "Print only the output");
    arguments.flag("--history,--attempts", get->history, "Show every attempt");
}

void add_wait(Program& program) {
    auto wait = std::make_shared<WaitOptions>();
    auto timeout = std::make_shared<std::string>();
    auto& command = program.command("wait", "Wait until jobs are final",
                                    "millrace wait ID\n"
                                    "millrace wait --timeout 10m ID ID\n"
                                    "millrace wait --result ID    # prints its bare result",
                                    [&program, wait, timeout] {
                                        if (!timeout->empty())
                                            wait->timeout = *parse_wait(*timeout);
                                        return run_wait(program.global, *wait);
                                    });
    Arguments arguments(program, command);
    arguments.ids("ids", wait->ids, "The jobs")->required();
    arguments.duration("--timeout", *timeout,
                       "Wait at most this long, e.g. 90 or 10m (0: forever)");
    arguments.flag("--result", wait->result, "Print only the output");
}

void add_list(Program& program) {
    auto list = std::make_shared<ListOptions>();
    auto& command = program.command("list", "List jobs, newest first",
                                    "millrace list --status failed,expired\n"
                                    "millrace list --metadata user=42 --limit 500\n"
                                    "millrace list --all --json | wc -l",
                                    [&program, list] { return run_list(program.global, *list); });
    Arguments arguments(program, command);
    add_filter(arguments, list->filter, all_states(),
               "Select the jobs in these states, joined by commas");
    arguments.count("--limit,-n", list->limit, "List at most this many jobs (default: 20)");
    arguments.flag("--all", list->all, "List every job");
}

}  // namespace

void add_job_commands(Program& program) {
    add_get(program);
    add_wait(program);
    auto id = std::make_shared<std::string>();
    auto& tail = program.command("tail", "Follow a job: its text, and what happens to it",
                                 "millrace tail ID > text.txt    # events on standard error",
                                 [&program, id] { return run_tail(program.global, *id); });
    Arguments(program, tail).id("id", *id, "The job");
    add_list(program);
}

void add_bulk_commands(Program& program) {
    auto cancel = std::make_shared<BulkOptions>();
    auto& cancel_command =
        program.command("cancel", "Cancel jobs",
                        "millrace cancel ID ID\n"
                        "millrace cancel --metadata run=7 --dry-run    # how many?\n"
                        "millrace cancel --all --yes",
                        [&program, cancel] { return run_cancel(program.global, *cancel); });
    Arguments cancel_arguments(program, cancel_command);
    add_bulk(cancel_arguments, *cancel, {"scheduled", "blocked", "queued", "in_progress"},
             "Select the jobs in these states; default: all of them");
    cancel_arguments.flag("--all", cancel->all,
                          "Cancel every open job; cannot be combined with a filter");

    auto retry = std::make_shared<BulkOptions>();
    auto& retry_command =
        program.command("retry", "Submit again what failed, expired or was cancelled",
                        "millrace retry ID\n"
                        "millrace retry --error timeout --dry-run    # how many?\n"
                        "millrace retry --all --yes",
                        [&program, retry] { return run_retry(program.global, *retry); });
    Arguments retry_arguments(program, retry_command);
    add_bulk(retry_arguments, *retry, {"failed", "expired", "cancelled"},
             "Select the jobs in these states; default: failed");
    retry_arguments.flag("--all", retry->all,
                         "Retry every failed job; cannot be combined with a filter");
}

}  // namespace millrace::cli
