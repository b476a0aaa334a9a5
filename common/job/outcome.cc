#include "common/job/outcome.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace millrace {
namespace {

constexpr std::array<std::string_view, 8> kNames{"completed",    "permanent", "retryable",
                                                 "rate_limited", "timeout",   "interrupted",
                                                 "cancelled",    "lost"};

// No signal says when there is room again: a job that waits for it tries every few seconds.
constexpr milliseconds kCapacityDelayMax{5'000};
// The backoff's max may be close to zero. A wait that a backend asks for, so that the job's waiting
// is worth something, is honoured up to at least this long regardless.
constexpr milliseconds kCapacityRestMax{30'000};

Settlement failed(const Outcome& outcome) {
    return {.next = JobState::kFailed,
            .counts_as_failure = true,
            .error_code = outcome.error_code,
            .error_message = outcome.error_message};
}

// Returns our own delay, or the requested one if that is longer; at most `max`.
milliseconds at_least(milliseconds own, const Outcome& outcome, milliseconds max) {
    const auto asked = outcome.retry_after.value_or(milliseconds(0));
    return std::min(std::max(own, asked), max);
}

Settlement retried(const Outcome& outcome, const Claim& claim, const JobPolicy& policy,
                   const BackoffPolicy& backoff, Random& random) {
    const int failures = claim.failures + 1;
    if (failures >= policy.attempts_max) return failed(outcome);
    return {.next = JobState::kScheduled,
            .delay = at_least(backoff_delay(backoff, failures, random), outcome, backoff.max),
            .counts_as_failure = true,
            .error_code = outcome.error_code,
            .error_message = outcome.error_message};
}

Settlement waits_for_capacity(const Outcome& outcome, const Claim& claim,
                              const BackoffPolicy& backoff, Random& random) {
    const BackoffPolicy patient{.base = backoff.base,
                                .max = std::min(backoff.max, kCapacityDelayMax)};
    return {.next = JobState::kScheduled,
            .delay = at_least(backoff_delay(patient, claim.attempt, random), outcome,
                              std::max(backoff.max, kCapacityRestMax)),
            .error_code = outcome.error_code,
            .error_message = outcome.error_message};
}

Settlement timed_out(const Outcome& outcome, const Claim& claim, const JobPolicy& policy,
                     const BackoffPolicy& backoff, Random& random) {
    if (!claim.deadline_is_ttl) return retried(outcome, claim, policy, backoff, random);
    return {.next = JobState::kExpired,
            .counts_as_failure = true,
            .error_code = "expired",
            .error_message = "the job's time to live ran out while it was running"};
}

}  // namespace

std::string_view name(OutcomeKind kind) {
    return kNames.at(static_cast<std::size_t>(kind) - 1);
}

std::optional<OutcomeKind> outcome_kind_from_number(int value) {
    if (value < 1 || value > static_cast<int>(kNames.size())) return std::nullopt;
    return static_cast<OutcomeKind>(value);
}

milliseconds backoff_delay(const BackoffPolicy& policy, int failures, Random& random) {
    CHECK(failures >= 1);
    auto bound = std::min(policy.base, policy.max);
    for (int i = 1; i < failures && bound < policy.max; ++i)
        bound = std::min(bound * 2, policy.max);
    return milliseconds(random.below(static_cast<std::uint64_t>(bound.count()) + 1));
}

Settlement settle(const Outcome& outcome, const Claim& claim, const JobPolicy& policy,
                  const BackoffPolicy& backoff, Random& random) {
    switch (outcome.kind) {
        case OutcomeKind::kCompleted:
            return {.next = JobState::kCompleted};
        case OutcomeKind::kPermanent:
            return failed(outcome);
        case OutcomeKind::kRetryable:
            return retried(outcome, claim, policy, backoff, random);
        case OutcomeKind::kRateLimited:
            return waits_for_capacity(outcome, claim, backoff, random);
        case OutcomeKind::kTimeout:
            return timed_out(outcome, claim, policy, backoff, random);
        case OutcomeKind::kInterrupted:
            return {.next = JobState::kQueued,
                    .error_code = outcome.error_code,
                    .error_message = outcome.error_message};
        case OutcomeKind::kCancelled:
        case OutcomeKind::kLost:
            // A cancellation that the row no longer asks for is an interruption like any other.
            return {.next = JobState::kQueued};
    }
    CHECK(false);
}

}  // namespace millrace
