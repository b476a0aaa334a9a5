// One life of a simulated world: a storm of faults, then a calm in which everything must come to
// rest.
//
// Threads: none. Two runs of the same seed are the same, event by event.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/support/mutation.h"

namespace millrace::simulation {

struct Options {
    std::optional<test::Mutation> mutation;         // A guard to leave out.
    std::function<void(const std::string&)> trace;  // Gets every line; may be empty.
};

struct Report {
    std::uint64_t seed = 0;
    std::string verdict;  // Empty: every invariant held.
    std::uint64_t fingerprint = 0;
    std::size_t jobs = 0;
    std::size_t preemptions = 0;
    std::chrono::microseconds lasted{0};  // In the world's time.
};

Report simulate(std::uint64_t seed, const Options& options = {});

}  // namespace millrace::simulation
