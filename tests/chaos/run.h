// One run: load on a system, faults one after the other, a quiet time until every job has ended, a
// list of all jobs, and the checker's judgement of the history.
//
// Errors:  what System throws. A run whose jobs do not end in time does not throw; they are lost.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/chaos/checker.h"
#include "tests/chaos/fault_table.h"
#include "tests/chaos/faults.h"

namespace millrace::chaos {

struct RunOptions {
    std::uint64_t seed = 1;
    double jobs_per_second = 40;
    std::filesystem::path history;  // Overwritten.
    // The minimum number of jobs submitted between two faults, so that each fault meets a working
    // system.
    int jobs_between = 40;
    int jobs = 0;  // The minimum number of jobs in all; the faults are spread over them.
    // Called before each fault with its name and number; may be empty.
    std::function<void(std::string_view fault, std::size_t number)> on_fault;
};

struct RunResult {
    int jobs = 0;
    std::vector<Finding> findings;
    std::vector<FaultRow> table;
    std::vector<std::string> broken_promises;

    bool kept_all_promises() const { return findings.empty() && broken_promises.empty(); }
    // The findings and broken promises, one per line; at most a hundred.
    std::string complaints() const;
};

RunResult run(System& system, std::span<const Fault> faults, const RunOptions& options);

}  // namespace millrace::chaos
