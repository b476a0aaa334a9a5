#include "common/job/outcome.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace {
namespace {

using test::SeededRandom;

const BackoffPolicy kBackoff{.base = milliseconds(1000), .max = milliseconds(10000)};

ClaimedJob job_with(int failures, int attempts_max) {
    ClaimedJob job;
    job.attempt = failures + 1;
    job.failures = failures;
    job.spec.policy = {.execution_timeout = milliseconds(60000), .attempts_max = attempts_max};
    return job;
}

Settlement settled(const Outcome& outcome, const ClaimedJob& job) {
    SeededRandom random;
    return settle(outcome, job, job.spec.policy, kBackoff, random);
}

TEST(Backoff, IsUniformUpToABoundThatDoublesToTheCap) {
    SeededRandom random;
    for (const auto& [failures, bound] :
         {std::pair{1, 1000}, {2, 2000}, {4, 8000}, {5, 10000}, {60, 10000}}) {
        milliseconds least{bound};
        milliseconds most{0};
        for (int i = 0; i < 2000; ++i) {
            const auto delay = backoff_delay(kBackoff, failures, random);
            least = std::min(least, delay);
            most = std::max(most, delay);
        }
        EXPECT_GE(least.count(), 0);
        EXPECT_LT(least.count(), bound / 20) << failures;
        EXPECT_LE(most.count(), bound) << failures;
        EXPECT_GT(most.count(), bound * 19 / 20) << failures;
    }
}

TEST(Settle, ACompletedAttemptCompletesTheJob) {
    const auto settlement = settled({.kind = OutcomeKind::kCompleted}, job_with(0, 1));
    EXPECT_EQ(settlement.next, JobState::kCompleted);
    EXPECT_FALSE(settlement.counts_as_failure);
}

TEST(Settle, APermanentErrorFailsTheJobAtOnce) {
    const auto settlement =
        settled({.kind = OutcomeKind::kPermanent, .error_code = "bad", .error_message = "no"},
                job_with(0, 5));
    EXPECT_EQ(settlement.next, JobState::kFailed);
    EXPECT_EQ(settlement.error_code, "bad");
    EXPECT_EQ(settlement.error_message, "no");
}

TEST(Settle, ARetryableErrorWaitsUntilAttemptsAreUsedUp) {
    const Outcome outcome{.kind = OutcomeKind::kRetryable, .error_code = "flaky"};
    const auto first = settled(outcome, job_with(0, 2));
    EXPECT_EQ(first.next, JobState::kScheduled);
    EXPECT_TRUE(first.counts_as_failure);
    EXPECT_LE(first.delay, kBackoff.base);
    const auto last = settled(outcome, job_with(1, 2));
    EXPECT_EQ(last.next, JobState::kFailed);
    EXPECT_EQ(last.error_code, "flaky");
}

TEST(Settle, ARetryableErrorWaitsAtLeastAsLongAsAsked) {
    const auto settlement = settled(
        {.kind = OutcomeKind::kRetryable, .retry_after = milliseconds(5000)}, job_with(0, 2));
    EXPECT_TRUE(settlement.counts_as_failure);
    EXPECT_GE(settlement.delay, milliseconds(5000));
    const auto capped = settled(
        {.kind = OutcomeKind::kRetryable, .retry_after = std::chrono::hours(24)}, job_with(0, 2));
    EXPECT_EQ(capped.delay, kBackoff.max);
}

TEST(Settle, ARateLimitWaitsAtLeastAsLongAsAskedAndNeverCounts) {
    const auto settlement = settled(
        {.kind = OutcomeKind::kRateLimited, .retry_after = milliseconds(5000)}, job_with(0, 1));
    EXPECT_EQ(settlement.next, JobState::kScheduled);
    EXPECT_FALSE(settlement.counts_as_failure);
    EXPECT_GE(settlement.delay, milliseconds(5000));
    const auto capped = settled(
        {.kind = OutcomeKind::kRateLimited, .retry_after = std::chrono::hours(24)}, job_with(0, 1));
    EXPECT_EQ(capped.delay, milliseconds(30'000)) << "a short backoff cuts no rest";
}

// Short retry delays, as in tests or set by a hasty operator, do not apply while a server is away.
TEST(Settle, ARestIsNotCutByAShortBackoff) {
    SeededRandom random;
    const BackoffPolicy hasty{.base = milliseconds(1), .max = milliseconds(1)};
    const auto job = job_with(0, 1);
    const auto settlement =
        settle({.kind = OutcomeKind::kRateLimited, .retry_after = milliseconds(30'000)}, job,
               job.spec.policy, hasty, random);
    EXPECT_EQ(settlement.delay, milliseconds(30'000));
}

TEST(Settle, AJobThatWaitsForCapacityTriesEveryFewSecondsHoweverOftenItHasWaited) {
    auto job = job_with(0, 3);
    job.attempt = 1000;
    for (int i = 0; i < 100; ++i) {
        EXPECT_LE(settled({.kind = OutcomeKind::kRateLimited}, job).delay, milliseconds(5000));
    }
}

TEST(Settle, ATimeoutCountsAndIsRetried) {
    const auto settlement = settled({.kind = OutcomeKind::kTimeout}, job_with(0, 2));
    EXPECT_EQ(settlement.next, JobState::kScheduled);
    EXPECT_TRUE(settlement.counts_as_failure);
}

TEST(Settle, AJobWhoseTimeToLiveRanOutExpires) {
    auto job = job_with(0, 5);
    job.deadline_is_ttl = true;
    const auto settlement = settled({.kind = OutcomeKind::kTimeout}, job);
    EXPECT_EQ(settlement.next, JobState::kExpired);
    EXPECT_EQ(settlement.error_code, "expired");
}

TEST(Settle, AnInterruptionRunsAgainAtOnceAndNeverCounts) {
    for (const auto kind : {OutcomeKind::kInterrupted, OutcomeKind::kCancelled}) {
        const auto settlement = settled({.kind = kind}, job_with(4, 5));
        EXPECT_EQ(settlement.next, JobState::kQueued);
        EXPECT_FALSE(settlement.counts_as_failure);
    }
    // The job's history says why it was interrupted.
    const Outcome preempted{.kind = OutcomeKind::kInterrupted, .error_code = "preempted"};
    EXPECT_EQ(settled(preempted, job_with(4, 5)).error_code, "preempted");
}

TEST(OutcomeKind, EveryNumberHasAName) {
    for (int number = 1; number <= 8; ++number) {
        const auto kind = outcome_kind_from_number(number);
        ASSERT_TRUE(kind.has_value());
        EXPECT_FALSE(name(*kind).empty());
    }
    EXPECT_EQ(outcome_kind_from_number(0), std::nullopt);
    EXPECT_EQ(outcome_kind_from_number(9), std::nullopt);
}

}  // namespace
}  // namespace millrace
