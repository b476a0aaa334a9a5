#include "worker/execute/attempt_table.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using Phase = Attempt::Phase;
using std::chrono::seconds;
using test::attempt_key;

Attempt ready_attempt(const AttemptKey& key, seconds deadline = seconds(60),
                      schedule::LaneIndex lane = 0) {
    Attempt attempt;
    attempt.claim.key = key;
    attempt.deadline = MonoTime(deadline);
    attempt.lane = lane;
    return attempt;
}

TEST(AttemptTable, CountsPlacesByLane) {
    AttemptTable table(1, 2);
    auto& first = table.add(ready_attempt(attempt_key(1), seconds(60), 1));
    table.add(ready_attempt(attempt_key(2)));
    EXPECT_EQ(table.places(), 2U);
    EXPECT_EQ(table.places_by_lane(0), (std::vector<std::size_t>{1, 1}));
    table.erase(first);
    EXPECT_EQ(table.places(), 1U);
    EXPECT_EQ(table.places_by_lane(0), (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(table.find(attempt_key(1)), nullptr);
    EXPECT_EQ(table.current(attempt_key(1).job), nullptr);
}

TEST(AttemptTable, AnAttemptThatIsSetAsideKeepsItsPlaceAndIsFoundByItsKey) {
    AttemptTable table(1, 1);
    auto& older = table.set_aside(table.add(ready_attempt(attempt_key(1))));
    auto& newer = table.add(ready_attempt(attempt_key(1, 2)));
    EXPECT_TRUE(older.is_aside);
    EXPECT_EQ(table.find(attempt_key(1)), &older);
    EXPECT_EQ(table.find(attempt_key(1, 2)), &newer);
    EXPECT_EQ(table.current(attempt_key(1).job), &newer);
    EXPECT_EQ(table.current().size(), 1U);
    EXPECT_EQ(table.places_by_lane(0), std::vector<std::size_t>{2});
    table.erase(older);
    EXPECT_EQ(table.current(attempt_key(1).job), &newer);
    EXPECT_EQ(table.places_by_lane(0), std::vector<std::size_t>{1});
}

// A failover undid the claim each time, and each time another incarnation claimed the job.
TEST(AttemptTable, TellsAttemptsWithTheSameKeyApartByTheirPhase) {
    AttemptTable table(1, 1);
    const auto key = attempt_key(1);
    auto& oldest = table.set_aside(table.add(ready_attempt(key)));
    oldest.phase = Phase::kSettling;
    auto& older = table.set_aside(table.add(ready_attempt(key)));
    older.phase = Phase::kRunning;
    auto& newest = table.add(ready_attempt(key));
    EXPECT_EQ(table.find(key), &newest);
    EXPECT_EQ(table.find_in(Phase::kReady, key), &newest);
    EXPECT_EQ(table.find_in(Phase::kRunning, key), &older);
    EXPECT_EQ(table.find_in(Phase::kSettling, key), &oldest);
    table.erase(oldest);
    EXPECT_EQ(table.find_in(Phase::kSettling, key), nullptr);
    EXPECT_EQ(table.find_in(Phase::kRunning, key), &older);
    EXPECT_EQ(table.places_by_lane(0), std::vector<std::size_t>{2});
}

TEST(AttemptTable, FindsTheAttemptsThatCanBeStopped) {
    AttemptTable table(1, 1);
    auto& ready = table.add(ready_attempt(attempt_key(1)));
    table.add(ready_attempt(attempt_key(2))).is_stopping = true;
    (void)table.add(ready_attempt(attempt_key(3))).settle({});
    EXPECT_EQ(table.stoppable(), std::vector{&ready});
}

TEST(AttemptTable, FindsEachOverdueAttempt) {
    AttemptTable table(1, 1);
    auto& soon = table.add(ready_attempt(attempt_key(1), seconds(10)));
    auto& later = table.add(ready_attempt(attempt_key(2), seconds(20)));
    EXPECT_TRUE(table.overdue(MonoTime(seconds(9))).empty());
    EXPECT_EQ(table.overdue(MonoTime(seconds(10))), std::vector{&soon});
    soon.is_stopping = true;
    EXPECT_TRUE(table.overdue(MonoTime(seconds(19))).empty());
    // One that comes later may be due earlier.
    auto& next = table.add(ready_attempt(attempt_key(3), seconds(15)));
    EXPECT_EQ(table.overdue(MonoTime(seconds(19))), std::vector{&next});
    next.is_stopping = true;
    EXPECT_EQ(table.overdue(MonoTime(seconds(20))), std::vector{&later});
}

TEST(Attempt, LeavesItsKeyBehindWhenItSettles) {
    auto one = ready_attempt(attempt_key(1));
    one.worker = WorkerId(Uuid{{9}});
    one.terms.model = "m";
    const auto ended = one.settle({.kind = OutcomeKind::kTimeout});
    EXPECT_EQ(ended.claim.key, attempt_key(1));
    EXPECT_EQ(ended.terms.model, "m");
    EXPECT_EQ(ended.worker, one.worker);
    EXPECT_EQ(ended.outcome.kind, OutcomeKind::kTimeout);
    EXPECT_EQ(one.phase, Phase::kSettling);
    EXPECT_EQ(one.claim.key, attempt_key(1));
    EXPECT_FALSE(one.is_stoppable());
}

}  // namespace
}  // namespace millrace::execute
