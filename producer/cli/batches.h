// Splits JSON lines into jobs, and decides how many of them one request takes.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// The limits of one POST /v1/jobs:batch. A single job may be larger: the gateway decides about
// that.
inline constexpr std::size_t kBatchJobsMax = 500;
inline constexpr std::size_t kBatchBytesMax = 4 * 1024 * 1024;

// The file's name for people: "-" is standard input.
std::string file_name(std::string_view file);

struct JobLine {
    std::size_t line = 0;  // Counted from 1, as in editors.
    std::string body;      // The line's object, completed by the defaults.
    bool has_model = false;
};

struct JobLines {
    std::vector<JobLine> jobs;
    std::vector<std::string> faults;  // Of the first kFaultsShown wrong lines: where, and what.
    std::size_t faults_count = 0;     // All wrong lines.
};
inline constexpr std::size_t kFaultsShown = 20;

// Parses one job per line and skips blank lines. Any other line that is not a JSON object, or that
// the gateway cannot store, is a fault.
JobLines job_lines(std::string_view text, std::string_view file, std::string_view defaults);

// Removes a job's place in its batch from a message, because the line's number says more.
std::string without_place(std::string message);

// How many jobs, starting at `first`, fit into one request: at least one.
std::size_t batch_size(const std::vector<JobLine>& jobs, std::size_t first);

}  // namespace millrace::cli
