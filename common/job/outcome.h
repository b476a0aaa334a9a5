// The end of an attempt, as its backend reports it, and what then becomes of the job.
//
// Pure: `settle` decides; the store carries out the decision under the attempt's fence.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/job/job.h"
#include "common/job/job_state.h"

namespace millrace {

// The values are stored in PostgreSQL (job_attempts.outcome) and must not change.
enum class OutcomeKind : std::uint8_t {
    kCompleted = 1,    // Has an output, whole or cut short by a length limit.
    kPermanent = 2,    // Would fail again: the job ends failed.
    kRetryable = 3,    // May succeed later: counts as a failure.
    kRateLimited = 4,  // The endpoint has no capacity: waits, does not count.
    kTimeout = 5,      // The attempt's deadline passed: counts as a failure.
    kInterrupted = 6,  // Drain, preemption, lost lease: runs again at once, does not count.
    kCancelled = 7,    // Stopped on a client's request.
    kLost = 8,         // Its worker died (written by the keeper).
};

std::string_view name(OutcomeKind kind);
std::optional<OutcomeKind> outcome_kind_from_number(int value);

// A count that nobody has made is absent, not zero.
struct Usage {
    std::optional<std::int64_t> prompt_tokens;
    std::optional<std::int64_t> completion_tokens;

    bool is_known() const { return prompt_tokens || completion_tokens; }
    // The sum of both; nothing if one is missing.
    std::optional<std::int64_t> total_tokens() const {
        if (!prompt_tokens || !completion_tokens) return std::nullopt;
        return *prompt_tokens + *completion_tokens;
    }

    bool operator==(const Usage&) const = default;
};

struct Outcome {
    OutcomeKind kind = OutcomeKind::kPermanent;
    std::string output_json;    // kCompleted: one JSON value as text; the answer of GET …/result.
    std::string error_code;     // Otherwise: snake_case, stable, for programs.
    std::string error_message;  // For people; says what to change. No payloads.
    // kRateLimited, kRetryable: the shortest wait before the next attempt, as the backend asked.
    // Capped at the backoff's max; for kRateLimited the cap is at least 30 seconds.
    std::optional<milliseconds> retry_after;
    Usage usage;
};

// Delays grow as base * 2^(n-1) up to max; a job that waits for capacity stops at 5 seconds if max
// is more. The delay used is uniform between 0 and that ("full jitter", AWS Architecture Blog,
// "Exponential Backoff And Jitter").
struct BackoffPolicy {
    milliseconds base{1000};
    milliseconds max{300000};
};

// Uniform in [0, min(max, base * 2^(failures - 1))]. Requires: failures >= 1.
milliseconds backoff_delay(const BackoffPolicy& policy, int failures, Random& random);

// Where the job goes next. The store makes it `cancelled` instead if the row says `cancelling` and
// `next` is not kCompleted.
struct Settlement {
    JobState next = JobState::kFailed;
    milliseconds delay{0};  // kScheduled: the time until it is queued again.
    bool counts_as_failure = false;
    std::string error_code;  // Why it did not complete; may differ from the outcome's.
    std::string error_message;
};

Settlement settle(const Outcome& outcome, const Claim& claim, const JobPolicy& policy,
                  const BackoffPolicy& backoff, Random& random);

}  // namespace millrace
