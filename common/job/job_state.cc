#include "common/job/job_state.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace {
namespace {

using enum JobState;

constexpr std::array kStates{
    JobStateInfo{kScheduled, "scheduled", false, false},
    JobStateInfo{kBlocked, "blocked", false, false},
    JobStateInfo{kQueued, "queued", false, false},
    JobStateInfo{kInProgress, "in_progress", true, false},
    JobStateInfo{kCancelling, "cancelling", true, false},
    JobStateInfo{kCompleted, "completed", false, true},
    JobStateInfo{kFailed, "failed", false, true},
    JobStateInfo{kCancelled, "cancelled", false, true},
    JobStateInfo{kExpired, "expired", false, true},
};

constexpr std::array kTransitions{
    JobTransition{kScheduled, kQueued, "its time has come (keeper)"},
    JobTransition{kScheduled, kCancelled, "cancelled by a client"},
    JobTransition{kScheduled, kExpired, "its time to live ran out (keeper)"},
    JobTransition{kBlocked, kQueued, "its parents completed (keeper)"},
    JobTransition{kBlocked, kScheduled, "its parents completed before its run_at (keeper)"},
    JobTransition{kBlocked, kFailed, "a parent did not complete (keeper)"},
    JobTransition{kBlocked, kCancelled, "cancelled by a client"},
    JobTransition{kBlocked, kExpired, "its time to live ran out (keeper)"},
    JobTransition{kQueued, kInProgress, "claimed by a worker"},
    JobTransition{kQueued, kCancelled, "cancelled by a client"},
    JobTransition{kQueued, kExpired, "its time to start or to live ran out (keeper)"},
    JobTransition{kInProgress, kCompleted, "its attempt completed (worker)"},
    JobTransition{kInProgress, kFailed,
                  "its attempt failed for good (worker), or its losses reached the limit (keeper)"},
    JobTransition{kInProgress, kQueued,
                  "handed back as an interruption (worker), or its lease was lost (keeper)"},
    JobTransition{kInProgress, kScheduled, "its attempt failed and waits out a backoff (worker)"},
    JobTransition{kInProgress, kExpired, "its time to live ran out (worker or keeper)"},
    JobTransition{kInProgress, kCancelling, "cancelled by a client while running"},
    JobTransition{kCancelling, kCompleted, "a complete output arrived first (worker)"},
    JobTransition{kCancelling, kCancelled, "its attempt ended otherwise (worker or keeper)"},
};

}  // namespace

std::span<const JobStateInfo> job_states() {
    return kStates;
}

std::span<const JobTransition> job_transitions() {
    return kTransitions;
}

const JobStateInfo& info(JobState state) {
    const auto& row = kStates.at(static_cast<std::size_t>(state) - 1);
    CHECK(row.state == state);
    return row;
}

std::optional<JobState> parse_job_state(std::string_view name) {
    for (const auto& row : kStates) {
        if (row.name == name) return row.state;
    }
    return std::nullopt;
}

std::optional<JobState> job_state_from_number(int value) {
    for (const auto& row : kStates) {
        if (static_cast<int>(row.state) == value) return row.state;
    }
    return std::nullopt;
}

bool may_change(JobState from, JobState to) {
    return std::ranges::any_of(kTransitions, [&](const JobTransition& transition) {
        return transition.from == from && transition.to == to;
    });
}

}  // namespace millrace
