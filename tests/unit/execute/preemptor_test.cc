// Which job the preemptor chooses among those that run. preemption_test.cc shows the effect in a
// worker.
#include "worker/execute/preemptor.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using Phase = Attempt::Phase;
using std::chrono::seconds;

// Lane 0 is high, 1 normal, 2 low.
class PreemptorTest : public testing::Test {
 protected:
    Attempt& run(std::uint8_t job, Priority priority, seconds started,
                 schedule::BackendIndex backend = 0) {
        Attempt attempt;
        attempt.claim.key = test::attempt_key(job);
        attempt.terms.priority = priority;
        attempt.backend = backend;
        attempt.lane = static_cast<schedule::LaneIndex>(priority);
        attempt.standing = priority;
        attempt.phase = Phase::kRunning;
        attempt.started = MonoTime(started);
        return attempts.add(std::move(attempt));
    }
    std::optional<AttemptKey> choose(Priority urgent = Priority::kHigh,
                                     const std::vector<bool>& from = {true, true, true}) const {
        return Preemptor(3).choose(attempts, 0, urgent, from);
    }

    AttemptTable attempts{2, 3};
};

TEST_F(PreemptorTest, ChoosesTheLeastUrgentThenTheOneThatStartedLast) {
    EXPECT_EQ(choose(), std::nullopt);
    run(1, Priority::kNormal, seconds(9));
    EXPECT_EQ(choose(), test::attempt_key(1));
    run(2, Priority::kLow, seconds(1));
    const auto last = run(3, Priority::kLow, seconds(3)).claim.key;
    run(4, Priority::kLow, seconds(2));
    EXPECT_EQ(choose(), last);
}

TEST_F(PreemptorTest, LooksAtOneBackendAndAtTheLanesThatMayLose) {
    run(1, Priority::kLow, seconds(1), 1);
    EXPECT_EQ(choose(), std::nullopt);
    const auto normal = run(2, Priority::kNormal, seconds(1)).claim.key;
    run(3, Priority::kLow, seconds(1));
    EXPECT_EQ(choose(Priority::kHigh, {true, true, false}), normal);
    EXPECT_EQ(choose(Priority::kNormal, {true, true, false}), std::nullopt);
}

TEST_F(PreemptorTest, ChoosesNoneWhileAPlaceIsBeingFreed) {
    run(1, Priority::kLow, seconds(1));
    auto& other = run(2, Priority::kHigh, seconds(1));
    EXPECT_NE(choose(), std::nullopt);
    other.is_stopping = true;
    EXPECT_EQ(choose(), std::nullopt);
    other.is_stopping = false;
    (void)other.settle({});
    EXPECT_EQ(choose(), std::nullopt);
}

TEST_F(PreemptorTest, SparesJobsOfHighStandingNearlyDoneOrOftenInterrupted) {
    auto& one = run(1, Priority::kLow, seconds(1));
    EXPECT_NE(choose(), std::nullopt);
    one.standing = Priority::kHigh;
    EXPECT_EQ(choose(), std::nullopt);
    one.standing = Priority::kLow;
    one.fraction = 0.9;
    EXPECT_EQ(choose(), std::nullopt);
    one.fraction = 0.89;
    // Its fifth attempt, after a failure and three interruptions.
    one.claim.attempt = 5;
    one.claim.failures = 1;
    EXPECT_EQ(choose(), std::nullopt);
    one.claim.failures = 2;
    EXPECT_NE(choose(), std::nullopt);
    EXPECT_EQ(Preemptor(0).choose(attempts, 0, Priority::kHigh, {true, true, true}), std::nullopt);
    one.phase = Phase::kReady;
    EXPECT_EQ(choose(), std::nullopt);
}

}  // namespace
}  // namespace millrace::execute
