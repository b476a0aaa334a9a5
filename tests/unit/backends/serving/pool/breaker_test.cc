#include "worker/backends/serving/pool/breaker.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::backends::serving::pool {
namespace {

using Verdict = Breaker::Verdict;

class BreakerTest : public testing::Test {
 protected:
    void call(Verdict verdict) {
        ASSERT_TRUE(breaker_.admits(now_));
        const bool is_probe = breaker_.begin(now_);
        breaker_.end(is_probe, now_, verdict, now_, random_);
    }
    void calls(int count, Verdict verdict) {
        for (int i = 0; i < count; ++i) call(verdict);
    }
    BreakerState state() const { return breaker_.state(now_); }

    test::SeededRandom random_;
    MonoTime now_{std::chrono::hours(1)};
    Breaker breaker_{BreakerOptions{
        .open_first = milliseconds(5'000), .open_max = milliseconds(60'000), .jitter = 0}};
};

TEST_F(BreakerTest, OpensWhenHalfOfTheLastCallsFailed) {
    calls(3, Verdict::kSuccess);
    calls(2, Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kClosed);
    call(Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kOpen);
    EXPECT_FALSE(breaker_.admits(now_));
    EXPECT_EQ(breaker_.open_for(now_), milliseconds(5000));
}

TEST_F(BreakerTest, NeedsAFewCalls) {
    calls(4, Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kClosed);
    call(Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kOpen);
}

TEST_F(BreakerTest, OpensAtOnceIfThereIsNoDoubt) {
    calls(10, Verdict::kSuccess);
    call(Verdict::kDead);
    EXPECT_EQ(state(), BreakerState::kOpen);
    EXPECT_EQ(breaker_.open_for(now_), milliseconds(5000));
    now_ += std::chrono::seconds(5);
    call(Verdict::kDead);
    EXPECT_EQ(breaker_.open_for(now_), milliseconds(10'000));
}

TEST_F(BreakerTest, ForgetsOldCalls) {
    calls(4, Verdict::kFailure);
    now_ += std::chrono::seconds(31);
    calls(4, Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kClosed);
}

TEST_F(BreakerTest, CountsOnlyTheLastTwentyCalls) {
    calls(100, Verdict::kSuccess);
    calls(9, Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kClosed);
    call(Verdict::kFailure);
    EXPECT_EQ(state(), BreakerState::kOpen);
}

TEST_F(BreakerTest, SendsOneProbeWhenItsTimeIsOver) {
    calls(5, Verdict::kFailure);
    now_ += milliseconds(4999);
    EXPECT_FALSE(breaker_.admits(now_));
    now_ += milliseconds(1);
    EXPECT_EQ(state(), BreakerState::kHalfOpen);
    EXPECT_TRUE(breaker_.begin(now_));
    EXPECT_FALSE(breaker_.admits(now_));
    breaker_.end(true, now_, Verdict::kSuccess, now_, random_);
    EXPECT_EQ(state(), BreakerState::kClosed);
    EXPECT_FALSE(breaker_.begin(now_));
}

TEST_F(BreakerTest, StaysOpenTwiceAsLongAfterEachFailedProbeUpToAMinute) {
    calls(5, Verdict::kFailure);
    for (const int seconds : {5, 10, 20, 40, 60, 60}) {
        EXPECT_EQ(breaker_.open_for(now_), std::chrono::seconds(seconds));
        now_ += std::chrono::seconds(seconds);
        call(Verdict::kFailure);
    }
    now_ += std::chrono::seconds(60);
    call(Verdict::kSuccess);
    calls(5, Verdict::kFailure);
    EXPECT_EQ(breaker_.open_for(now_), std::chrono::seconds(5));
}

TEST_F(BreakerTest, IsSecondsLateAtMostByDefault) {
    breaker_ = Breaker();
    calls(5, Verdict::kFailure);
    for (int i = 0; i < 20; ++i) {
        EXPECT_LE(breaker_.open_for(now_), milliseconds(5000));
        now_ += breaker_.open_for(now_);
        call(Verdict::kFailure);
    }
}

TEST_F(BreakerTest, AnAbortedProbeMakesRoomForTheNext) {
    calls(5, Verdict::kFailure);
    now_ += std::chrono::seconds(5);
    call(Verdict::kNone);
    EXPECT_EQ(state(), BreakerState::kHalfOpen);
    EXPECT_TRUE(breaker_.admits(now_));
}

TEST_F(BreakerTest, LateEndsOfEarlierCallsChangeNothing) {
    calls(5, Verdict::kFailure);
    breaker_.end(false, now_, Verdict::kSuccess, now_, random_);
    EXPECT_EQ(state(), BreakerState::kOpen);
    now_ += std::chrono::seconds(5);
    ASSERT_TRUE(breaker_.begin(now_));
    breaker_.end(false, now_, Verdict::kFailure, now_, random_);
    EXPECT_EQ(state(), BreakerState::kHalfOpen);
}

TEST_F(BreakerTest, JitterOnlyShortensTheWait) {
    for (int i = 0; i < 50; ++i) {
        breaker_ = Breaker({.open_first = milliseconds(5'000)});
        calls(5, Verdict::kFailure);
        EXPECT_LE(breaker_.open_for(now_), milliseconds(5000));
        EXPECT_GE(breaker_.open_for(now_), milliseconds(4000));
    }
}

// A hung call of the time before an outage fails when its connection is given up, minutes later.
TEST_F(BreakerTest, ACallFromBeforeAnOutageDoesNotOpenItAgain) {
    const auto begun = now_;
    ASSERT_FALSE(breaker_.begin(now_));
    call(Verdict::kDead);
    ASSERT_EQ(state(), BreakerState::kOpen);
    now_ += milliseconds(5'000);
    call(Verdict::kSuccess);
    ASSERT_EQ(state(), BreakerState::kClosed);
    breaker_.end(false, begun, Verdict::kDead, now_, random_);
    EXPECT_EQ(state(), BreakerState::kClosed);
    call(Verdict::kDead);
    EXPECT_EQ(state(), BreakerState::kOpen);
}

}  // namespace
}  // namespace millrace::backends::serving::pool
