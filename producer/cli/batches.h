// JSON lines as jobs, and how many of them one request takes.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace millrace::cli {

// Of one POST /v1/jobs:batch. A single job may be larger: what it may have is the gateway's to say.
inline constexpr std::size_t kBatchJobsMax = 500;
inline constexpr std::size_t kBatchBytesMax = 4 * 1024 * 1024;

// As people call it: "-" is standard input.
std::string file_name(std::string_view file);

struct JobLine {
    std::size_t line = 0;  // From 1, as editors count.
    std::string body;      // The line's object with what it lacks of the defaults.
    bool has_model = false;
};

// Blank lines are skipped. Another line that is no JSON object is kInvalidArgument with its number,
// `file` before it.
Result<std::vector<JobLine>> job_lines(std::string_view text, std::string_view file,
                                       std::string_view defaults);

// A message about a job in a batch, without its place there: a line's number says more.
std::string without_place(std::string message);

// How many of the jobs from `first` on go into one request: at least one.
std::size_t batch_size(const std::vector<JobLine>& jobs, std::size_t first);

}  // namespace millrace::cli
