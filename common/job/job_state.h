// The life of a job: its states and every allowed transition, in one table.
//
// The SQL constraints (migrations/), docs/job-lifecycle.md and the tests are checked against the
// table. Pure: no clock, no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace millrace {

// The values are stored in PostgreSQL and must not change.
enum class JobState : std::uint8_t {
    kScheduled = 1,   // Waits for its run_at or for the end of a backoff.
    kBlocked = 2,     // Waits for its parents.
    kQueued = 3,      // Any worker that serves its queue and model may claim it.
    kInProgress = 4,  // Claimed by a worker under a lease.
    kCancelling = 5,  // Claimed, and asked to stop.
    kCompleted = 6,   // Final: has an output.
    kFailed = 7,      // Final: has an error.
    kCancelled = 8,   // Final: stopped on request.
    kExpired = 9,     // Final: its time to live, or to start, ran out.
};

struct JobStateInfo {
    JobState state;
    std::string_view name;
    bool is_active;  // A worker holds it.
    bool is_final;   // It never changes again.
};

struct JobTransition {
    JobState from;
    JobState to;
    std::string_view cause;  // Who makes the change and why; a phrase for the documentation.
};

std::span<const JobStateInfo> job_states();
std::span<const JobTransition> job_transitions();

const JobStateInfo& info(JobState state);
inline std::string_view name(JobState state) {
    return info(state).name;
}
std::optional<JobState> parse_job_state(std::string_view name);
std::optional<JobState> job_state_from_number(int value);
bool may_change(JobState from, JobState to);

}  // namespace millrace
