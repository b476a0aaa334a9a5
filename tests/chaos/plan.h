// The jobs of a run, derived from its seed: what each should do, and how its client behaves. Pure.
//
// A job that ends badly may be retried by hand: by its client, as soon as it sees the end, or by an
// operator, who redrives all cancelled jobs that carry a mark.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/chaos/history.h"

namespace millrace::chaos {

struct JobPlan {
    Planned planned;
    std::string body;         // Of the request that submits it.
    std::string key;          // Of a keyed job; unique over all runs.
    bool sent_twice = false;  // For a keyed job: two clients submit it at once.
    bool waits = false;       // Its client waits for it (Prefer: wait) rather than polls.
    std::optional<std::chrono::milliseconds> cancel_after;  // Since the answer to its submission.
    bool is_retried = false;                                // By its client.
    bool retried_twice = false;                             // By a second client at the same time.
    bool is_redriven = false;                               // By an operator.
};

// The metadata key that marks a job to be redriven: retried by the operator, by a filter.
inline constexpr std::string_view kRedriveKey = "redrive";
inline constexpr std::string_view kRedriveValue = "yes";

// Returns the same job for the same seed and number.
JobPlan plan_job(std::uint64_t seed, int number);

}  // namespace millrace::chaos
