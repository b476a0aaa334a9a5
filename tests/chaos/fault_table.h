// The effect of each kind of fault, from a history and its findings. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/checker.h"
#include "tests/chaos/history.h"

namespace millrace::chaos {

struct FaultRow {
    std::string fault;
    int times = 0;
    int jobs = 0;       // In flight at some moment of the fault: submitted, and not known as final.
    int lost = 0;       // Of those: lost or denied,
    int two_ends = 0;   // … with two ends or a wrong output,
    int other = 0;      // … with any other finding,
    int restarted = 0;  // … with an attempt that had to be started again.
    // From the end of the fault until the first completion of a job that was submitted after it.
    std::optional<Moment> resumed_median;
    std::optional<Moment> resumed_max;
    // From the end of the fault until all jobs that had been in flight were final.
    std::optional<Moment> caught_up_max;
};

// Returns a row for each kind of fault, in the order in which they first occurred; the last row,
// "all", counts every job once.
std::vector<FaultRow> fault_table(const History& history, const std::vector<Finding>& findings);

std::string format_table(const std::vector<FaultRow>& rows);

}  // namespace millrace::chaos
