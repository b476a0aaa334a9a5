// A job in the system's own terms: what to run (JobSpec), and one attempt at it (Claim).
//
//   JobTerms ⊂ JobSpec            what the client asks for: without its texts, and with them
//   Claim                         what a worker gets by claiming the job: an attempt's identity
//   ClaimedJob = Claim + JobSpec  what it runs
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

// The bounds on a job's time and failures. They are durations, because the clocks run in
// PostgreSQL.
struct JobPolicy {
    milliseconds execution_timeout{0};         // For each attempt. > 0.
    std::optional<milliseconds> start_within;  // From submission (or run_at) to the first claim.
    std::optional<milliseconds> ttl;           // From submission (or run_at) to the final state.
    int attempts_max = 1;                      // The number of failures that ends the job. >= 1.

    bool operator==(const JobPolicy&) const = default;
};

// What a job asks for, without the client's texts: small enough to be copied and kept.
struct JobTerms {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string model;
    JobPolicy policy;

    bool operator==(const JobTerms&) const = default;
};

// What to run. Written once at submission and never changed.
struct JobSpec : JobTerms {
    // The model's input: one JSON object as text, passed to the backend unchanged. Its shape
    // follows the OpenAI request bodies: {"messages":[…]}, {"prompt":…} or {"input":…} with the
    // sampling parameters beside it (max_tokens, temperature, stop, …). For models of the Open
    // Inference Protocol it is that protocol's request, {"inputs":[…]}.
    std::string input_json;
    std::string metadata_json;  // One JSON object of strings, or empty.

    bool operator==(const JobSpec&) const = default;
};

// A fencing number: goes up by 1 with every claim of a job, never reset.
using Epoch = std::int64_t;

// The fence of one attempt except for the worker, which is the one that holds this key.
struct AttemptKey {
    JobId job;
    Epoch epoch = 0;

    auto operator<=>(const AttemptKey&) const = default;
};

// A successful claim of a job: the attempt that it begins, and the job's history so far.
struct Claim {
    AttemptKey key;
    int attempt = 1;               // The attempt's number, from 1; interruptions count too.
    int failures = 0;              // Attempts so far that counted against attempts_max.
    int losses = 0;                // Consecutive attempts lost with their worker.
    milliseconds remaining{0};     // From the claim to the attempt's deadline.
    bool deadline_is_ttl = false;  // The whole job's deadline: reaching it expires the job.
};

// A job that this worker has claimed and may now run.
struct ClaimedJob : Claim {
    JobSpec spec;
};

struct AttemptKeyHash {
    std::size_t operator()(const AttemptKey& key) const {
        return std::hash<JobId>{}(key.job) ^ static_cast<std::size_t>(key.epoch);
    }
};

}  // namespace millrace
