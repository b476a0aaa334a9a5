// The jobs of a run, made from its seed: what each is to do, and how its client behaves. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/chaos/history.h"

namespace millrace::chaos {

struct JobPlan {
    Planned planned;
    std::string body;         // Of the request that submits it.
    std::string key;          // Of a keyed job; unique over all runs.
    bool sent_twice = false;  // A keyed one: by two clients at once.
    bool waits = false;       // Its client waits for it (Prefer: wait) rather than polls.
    std::optional<std::chrono::milliseconds> cancel_after;  // Its submission was answered.
};

// The same for the same seed and number.
JobPlan plan_job(std::uint64_t seed, int number);

}  // namespace millrace::chaos
