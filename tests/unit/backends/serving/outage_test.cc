#include "worker/backends/serving/outage.h"

#include <gtest/gtest.h>

namespace millrace::backends::serving {
namespace {

using std::chrono::minutes;

JobId job_of(std::uint8_t first, std::uint8_t second = 0) {
    return JobId(Uuid{{first, second}});
}

Outcome reported(Outages& outages, Epoch epoch, MonoTime now, JobId job = job_of(1)) {
    return outages.waited_out({.kind = OutcomeKind::kRateLimited}, {job, epoch}, now);
}

// Claims that met no outage do not count, however many there were.
TEST(Outages, CountOncePerAttempt) {
    Outages outages;
    EXPECT_EQ(reported(outages, 1000, MonoTime{}).kind, OutcomeKind::kRateLimited);
    EXPECT_FALSE(reported(outages, 1000, MonoTime{}).retry_after) << "once for each attempt";
    EXPECT_EQ(reported(outages, 2000, MonoTime{} + minutes(40)).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(reported(outages, 2001, MonoTime{} + minutes(40)).kind, OutcomeKind::kRateLimited);
}

TEST(Outages, EndlessOnesAreBounded) {
    Outages outages;
    Epoch epoch = 0;
    for (auto now = MonoTime{}; now < MonoTime{} + kOutagePatience; now += minutes(1)) {
        EXPECT_EQ(reported(outages, ++epoch, now).kind, OutcomeKind::kRateLimited);
    }
    EXPECT_GT(epoch, kOutagesMin);
    const auto late = MonoTime{} + kOutagePatience;
    EXPECT_EQ(reported(outages, ++epoch, late).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(reported(outages, ++epoch, late).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(reported(outages, 1, late, job_of(2)).kind, OutcomeKind::kRateLimited);
    outages.forget(job_of(1));
    EXPECT_EQ(reported(outages, ++epoch, late).kind, OutcomeKind::kRateLimited);
}

TEST(Outages, AreWaitedForLongerEachTime) {
    Outages outages;
    EXPECT_FALSE(reported(outages, 1, MonoTime{}).retry_after);
    for (Epoch epoch = 2; epoch < 100; ++epoch) {
        EXPECT_EQ(reported(outages, epoch, MonoTime{}).retry_after,
                  std::min<milliseconds>(kOutageRestStep * (epoch - 1), kOutageRestMax));
    }
    const auto asked = outages.waited_out({.retry_after = minutes(1)}, {job_of(1), 100}, {});
    EXPECT_EQ(asked.retry_after, minutes(1));
}

TEST(Outages, FindJobsThatMeetThemWhileOthersAreServed) {
    Outages outages;
    const MonoTime later = MonoTime{} + minutes(1);
    for (Epoch epoch = 1; epoch <= kLonelyOutagesMin; ++epoch) {
        EXPECT_FALSE(outages.is_alone_with_them(job_of(1), later)) << epoch;
        reported(outages, epoch, MonoTime{});
    }
    EXPECT_TRUE(outages.is_alone_with_them(job_of(1), later));
    EXPECT_FALSE(outages.is_alone_with_them(job_of(1), MonoTime{})) << "nobody was served since";
}

TEST(Outages, AreRememberedForABoundedNumberOfJobs) {
    Outages outages;
    MonoTime now{};
    for (std::size_t i = 0; i <= kOutageJobsMax; ++i) {
        now += milliseconds(1);
        reported(outages, 1, now,
                 job_of(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 0xFF)));
    }
    EXPECT_EQ(outages.size(), kOutageJobsMax);
    EXPECT_FALSE(outages.saw(job_of(0, 0)));
    EXPECT_TRUE(outages.saw(job_of(0, 1)));
}

TEST(Outage, OneThatTheJobMayHaveCausedIsAFailureOnceTheJobIsAloneWithThem) {
    Outages outages;
    const auto weighed = [&](Epoch epoch, MonoTime served_at) {
        return outages
            .weigh_unanswered({.kind = OutcomeKind::kRateLimited}, {job_of(1), epoch}, served_at,
                              MonoTime(milliseconds(epoch)))
            .kind;
    };
    for (Epoch epoch = 1; epoch <= kLonelyOutagesMin; ++epoch) {
        EXPECT_EQ(weighed(epoch, MonoTime::max()), OutcomeKind::kRateLimited) << epoch;
    }
    EXPECT_EQ(weighed(10, MonoTime{}), OutcomeKind::kRateLimited) << "nobody was served since";
    EXPECT_EQ(weighed(11, MonoTime::max()), OutcomeKind::kRetryable);
}
}  // namespace
}  // namespace millrace::backends::serving
