// The jobs of a run, made from its seed: what each is to do, and how its client behaves. Pure.
//
// A job that ends badly may be retried by hand: by its client, as soon as it knows, or by an
// operator, who redrives all that were cancelled and carry a mark.
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
    bool sent_twice = false;  // A keyed one: by two clients at once.
    bool waits = false;       // Its client waits for it (Prefer: wait) rather than polls.
    std::optional<std::chrono::milliseconds> cancel_after;  // Its submission was answered.
    bool is_retried = false;                                // By its client.
    bool retried_twice = false;                             // … and by another at once.
    bool is_redriven = false;                               // By an operator.
};

// The metadata that mark a job to be redriven.
inline constexpr std::string_view kRedriveKey = "redrive";
inline constexpr std::string_view kRedriveValue = "yes";

// The same for the same seed and number.
JobPlan plan_job(std::uint64_t seed, int number);

}  // namespace millrace::chaos
