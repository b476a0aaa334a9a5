// A job as the system speaks of it: what was asked for (JobSpec), and one try at it (Claim).
//
// Plain values; pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/uuid.h"
#include "common/job/priority.h"

namespace millrace {

// How a job's time and failures are bounded. Clocks run in PostgreSQL: these are durations.
struct JobPolicy {
    milliseconds execution_timeout{0};         // Of each attempt. > 0.
    std::optional<milliseconds> start_within;  // From submission (or run_at) to the first claim.
    std::optional<milliseconds> ttl;           // From submission (or run_at) to the final state.
    int attempts_max = 1;                      // Failures that end the job. >= 1.

    bool operator==(const JobPolicy&) const = default;
};

// What to run. Written once at submission, never changed.
struct JobSpec {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string model;
    // The model's input: one JSON object as text, passed to the backend as it came. Its shape
    // follows the OpenAI request bodies: {"messages":[…]}, {"prompt":…} or {"input":…} plus the
    // sampling parameters beside them (max_tokens, temperature, stop, …); for models of the Open
    // Inference Protocol it is that protocol's request, {"inputs":[…]}.
    std::string input_json;
    std::string metadata_json;  // One JSON object of strings, or empty.
    JobPolicy policy;

    bool operator==(const JobSpec&) const = default;
};

// A fencing number: +1 at every claim of a job, never reset.
using Epoch = std::int64_t;

// The whole fence of one attempt, but for the worker, who is the one that holds this.
struct AttemptKey {
    JobId job;
    Epoch epoch = 0;

    auto operator<=>(const AttemptKey&) const = default;
};

// A job that this worker has claimed: what it may now run.
struct ClaimedJob {
    AttemptKey key;
    int attempt = 1;            // Of this job, from 1; interruptions count here too.
    int failures = 0;           // Attempts so far that counted against attempts_max.
    int losses = 0;             // Consecutive attempts lost with their worker.
    milliseconds remaining{0};  // From the claim to the attempt's deadline.
    bool deadline_is_ttl =
        false;  // The deadline is the whole job's: cut off there ends it expired.
    JobSpec spec;
};

struct AttemptKeyHash {
    std::size_t operator()(const AttemptKey& key) const {
        return std::hash<JobId>{}(key.job) ^ static_cast<std::size_t>(key.epoch);
    }
};

}  // namespace millrace
