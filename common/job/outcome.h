// The end of an attempt, as a backend reports it, and what becomes of the job then.
//
// Pure: `settle` decides, the store carries it out under the attempt's fence.
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

// What nobody has counted is absent: it is no zero.
struct Usage {
    std::optional<std::int64_t> prompt_tokens;
    std::optional<std::int64_t> completion_tokens;

    bool is_known() const { return prompt_tokens || completion_tokens; }
    // Of both; nothing where one is missing.
    std::optional<std::int64_t> total_tokens() const {
        if (!prompt_tokens || !completion_tokens) return std::nullopt;
        return *prompt_tokens + *completion_tokens;
    }

    bool operator==(const Usage&) const = default;
};

struct Outcome {
    OutcomeKind kind = OutcomeKind::kPermanent;
    std::string output_json;    // kCompleted: one JSON value as text, what GET …/result answers.
    std::string error_code;     // Otherwise: snake_case, stable, for programs.
    std::string error_message;  // For people; says what to change. No payloads.
    // kRateLimited, kRetryable: not sooner, as the backend asked; up to the backoff's max, and
    // kRateLimited up to half a minute at least.
    std::optional<milliseconds> retry_after;
    Usage usage;
};

// Delays grow base * 2^(n-1) up to max, or up to a few seconds for what waits for capacity; the
// delay used is uniform in [0, that] ("full jitter", AWS Architecture Blog, "Exponential Backoff
// And Jitter").
struct BackoffPolicy {
    milliseconds base{1000};
    milliseconds max{300000};
};

// Uniform in [0, min(max, base * 2^(failures - 1))]. Requires: failures >= 1.
milliseconds backoff_delay(const BackoffPolicy& policy, int failures, Random& random);

// Where the job goes next. The store turns it into `cancelled` where the row says `cancelling` and
// `next` is not kCompleted.
struct Settlement {
    JobState next = JobState::kFailed;
    milliseconds delay{0};  // kScheduled: until it is queued again.
    bool counts_as_failure = false;
    std::string error_code;  // Of what did not complete; may differ from the outcome's.
    std::string error_message;
};

Settlement settle(const Outcome& outcome, const ClaimedJob& job, const BackoffPolicy& backoff,
                  Random& random);

}  // namespace millrace
