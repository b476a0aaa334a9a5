// The commands of `millrace`. Each takes its options as plain values and returns the exit code.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "producer/cli/exit_code.h"

namespace millrace::cli {

struct GlobalOptions {
    std::string url = "http://127.0.0.1:8080";
    bool json = false;  // Machine-readable: JSON on standard output, one value per line.
};

struct SubmitOptions {
    std::vector<std::string> prompt;  // Words of one prompt; "-" alone reads standard input.
    std::string file;                 // A file with the prompt's text.
    std::string jsonl;                // Many jobs, one request body per line; "-": standard input.
    std::string input;                // The whole input object as JSON, instead of a prompt.
    std::string model;                // Empty: the only model that is served.
    std::string queue;
    std::string priority;
    std::string idempotency_key;  // With many jobs, each line's number is appended.
    std::string timeout;          // Durations in the API's form.
    std::string start_within;
    std::string ttl;
    std::string run_at;
    std::optional<int> attempts_max;
    std::optional<int> tokens_max;
    std::vector<std::string> metadata;  // "key=value"
    bool chat = false;                  // Send the prompt as a chat message.
    bool wait = false;                  // Wait until the job is final, then print the result.
    bool follow = false;                // Print partial output as it arrives.
};
int run_submit(const GlobalOptions& global, const SubmitOptions& options);

struct GetOptions {
    std::string id;
    bool result = false;  // Print only the output.
    bool history = false;
};
int run_get(const GlobalOptions& global, const GetOptions& options);

struct WaitOptions {
    std::vector<std::string> ids;
    std::chrono::milliseconds timeout{0};  // For all jobs together; zero: none.
    bool result = false;                   // Print only the output, of a single job.
};
int run_wait(const GlobalOptions& global, const WaitOptions& options);

int run_tail(const GlobalOptions& global, const std::string& id);

// Selects the jobs of list, retry and cancel.
struct FilterOptions {
    std::vector<std::string> status;
    std::string queue;
    std::string priority;
    std::string model;
    std::string error;                  // A code.
    std::vector<std::string> metadata;  // "key=value"
    std::string created_after;
    std::string created_before;
};
// The filter as a query string, and as the body of POST /v1/jobs:retry or :cancel; empty if nothing
// is set.
std::string filter_query(const FilterOptions& filter);
std::string filter_body(const FilterOptions& filter);

// What to act on: the jobs with these ids or, if there are none, those that match.
struct BulkOptions {
    std::vector<std::string> ids;
    FilterOptions filter;
    bool all = false;      // Select every job; excludes a filter.
    bool dry_run = false;  // Count only.
    bool yes = false;      // Do not ask for confirmation.
};
int run_retry(const GlobalOptions& global, const BulkOptions& options);
int run_cancel(const GlobalOptions& global, const BulkOptions& options);

struct ListOptions {
    FilterOptions filter;
    std::optional<int> limit;  // For all pages together.
    bool all = false;          // Every page.
};
int run_list(const GlobalOptions& global, const ListOptions& options);

int run_queues(const GlobalOptions& global);
int run_workers(const GlobalOptions& global);

struct MigrateOptions {
    std::string conninfo;
    int down = 0;         // Steps back; 0: forward to the newest.
    bool status = false;  // Only print the schema's version.
};
int run_migrate(const GlobalOptions& global, const MigrateOptions& options);

}  // namespace millrace::cli
