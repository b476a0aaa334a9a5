// The arguments of `millrace submit`.
#include <memory>

#include "producer/cli/arguments.h"

namespace millrace::cli {
namespace {

constexpr const char* kExamples =
    "millrace submit \"a haiku about rivers\"         # prints the job's id\n"
    "millrace submit --wait \"a haiku\" > haiku.txt   # prints the text\n"
    "millrace submit --follow --file prompt.txt     # as it is generated\n"
    "millrace submit --jsonl jobs.jsonl > ids.txt   # one job a line";

void add_sources(Arguments& arguments, SubmitOptions& options) {
    arguments.words("prompt", options.prompt, "The prompt's words; - alone reads standard input");
    arguments.path("--file,-f", options.file, "Read the prompt from this file (-: standard input)");
    arguments.path(
        "--jsonl", options.jsonl,
        "Submit many jobs: one request body per line (-: standard input); options are defaults "
        "for what a line leaves out");
    arguments.text("--input", options.input, "Send this as the whole input, a JSON object");
    arguments.flag("--chat", options.chat, "Send the prompt as a chat message");
    arguments.count("--max-tokens", options.tokens_max, "Generate at most this many tokens");
}

void add_envelope(Arguments& arguments, SubmitOptions& options) {
    arguments
        .text("--model,-m", options.model, "Run this model; default: the only one that is served")
        ->envname("MILLRACE_MODEL");
    arguments.text("--queue,-q", options.queue, "Submit to this queue (default: default)");
    arguments.choice("--priority,-p", options.priority, "Set the priority: high, normal or low",
                     {"high", "normal", "low"});
    arguments.count("--max-attempts", options.attempts_max, "End the job after this many failures");
    arguments.duration("--timeout", options.timeout, "Limit the time of each attempt, e.g. 10m");
    arguments.duration("--start-within", options.start_within,
                       "Expire the job unless it starts within this time");
    arguments.duration("--ttl", options.ttl, "Limit the time of the whole job, e.g. 24h");
    arguments.text("--run-at", options.run_at, "Do not start the job before this time (RFC 3339)");
    arguments.pairs("--metadata", options.metadata, "Add a pair to list jobs by; may be repeated");
    arguments.text(
        "--idempotency-key", options.idempotency_key,
        "Make one job of all submissions with this key; with --jsonl, the keys are KEY-LINE");
}

}  // namespace

void add_submit(Program& program) {
    auto options = std::make_shared<SubmitOptions>();
    auto& command = program.command(
        "submit", "Submit a job and print its id, or many from JSON lines", kExamples,
        [&program, options] { return run_submit(program.global, *options); });
    Arguments arguments(program, command);
    add_sources(arguments, *options);
    add_envelope(arguments, *options);
    arguments.flag("--wait,-w", options->wait, "Wait until the job is final and print the result");
    arguments.flag("--follow", options->follow, "Print the text as it is generated");
}

}  // namespace millrace::cli
