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
    bool json = false;  // Machine-readable: JSON on standard output, one value a line.
};

struct SubmitOptions {
    std::vector<std::string> prompt;  // Words of one prompt; "-" alone reads standard input.
    std::string file;                 // The prompt's text.
    std::string jsonl;                // Many jobs, one request body a line; "-": standard input.
    std::string input;                // The whole input object as JSON, instead of a prompt.
    std::string model;                // Empty: the only one that is served.
    std::string queue;
    std::string priority;
    std::string idempotency_key;  // Of many jobs: each line's number is added.
    std::string timeout;          // Durations as the API takes them.
    std::string start_within;
    std::string ttl;
    std::string run_at;
    std::optional<int> attempts_max;
    std::optional<int> tokens_max;
    std::vector<std::string> metadata;  // "key=value"
    bool chat = false;                  // Send the prompt as a chat message.
    bool wait = false;                  // Until final, and print the result.
    bool follow = false;                // Print partial output as it comes.
};
int run_submit(const GlobalOptions& global, const SubmitOptions& options);

struct GetOptions {
    std::string id;
    bool result = false;  // Print the output alone.
    bool history = false;
};
int run_get(const GlobalOptions& global, const GetOptions& options);

struct WaitOptions {
    std::vector<std::string> ids;
    std::chrono::milliseconds timeout{0};  // Of all together; zero: none.
    bool result = false;                   // Print the output alone, of the only job.
};
int run_wait(const GlobalOptions& global, const WaitOptions& options);

int run_tail(const GlobalOptions& global, const std::string& id);

// Which jobs: of list, retry and cancel.
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
// As a query string, and as the body of POST /v1/jobs:retry; empty where nothing is asked for.
std::string filter_query(const FilterOptions& filter);
std::string filter_body(const FilterOptions& filter);

// Of what is done to the jobs with these ids, or else to those that match.
struct BulkOptions {
    std::vector<std::string> ids;
    FilterOptions filter;
    bool all = false;      // Instead of a filter: every job.
    bool dry_run = false;  // Only count.
    bool yes = false;      // Do not ask.
};
int run_retry(const GlobalOptions& global, const BulkOptions& options);
int run_cancel(const GlobalOptions& global, const BulkOptions& options);

struct ListOptions {
    FilterOptions filter;
    std::optional<int> limit;  // Of all pages together.
    bool all = false;          // Every page.
};
int run_list(const GlobalOptions& global, const ListOptions& options);

int run_queues(const GlobalOptions& global);
int run_workers(const GlobalOptions& global);

struct MigrateOptions {
    std::string conninfo;
    int down = 0;         // Steps back; 0: up to the newest.
    bool status = false;  // Only say where the schema is.
};
int run_migrate(const GlobalOptions& global, const MigrateOptions& options);

}  // namespace millrace::cli
