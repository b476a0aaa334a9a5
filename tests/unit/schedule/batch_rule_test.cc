// What the rule learns about the cost of batches and about waiting, from made-up times.
#include "worker/schedule/batch_rule.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/seeded_random.h"

namespace millrace::schedule {
namespace {

using std::chrono::seconds;
using Curve = std::function<double(std::size_t)>;

double flat(std::size_t) {
    return 20;
}
double linear(std::size_t jobs) {
    return 10 + static_cast<double>(jobs);
}

// --- CostLine -----------------------------------------------------------------------------------

// Runs batches of sizes from 1 to 32, with noise of a tenth.
void run_batches(CostLine& line, int batches, const Curve& curve, test::SeededRandom& random) {
    for (int i = 0; i < batches; ++i) {
        const auto jobs = 1 + random.below(32);
        line.observe(jobs, curve(jobs) * (0.9 + 0.2 * random.unit()));
    }
}

TEST(CostLine, KnowsNothingAtFirst) {
    const CostLine line;
    EXPECT_FALSE(line.known());
    EXPECT_EQ(line.ms(32), 0);
}

TEST(CostLine, IsRightAfterTwoExactBatches) {
    CostLine line;
    line.observe(1, 11);
    EXPECT_DOUBLE_EQ(line.ms(1), 11);
    line.observe(5, 15);
    EXPECT_NEAR(line.launch(), 10, 1e-9);
    EXPECT_NEAR(line.per_job(), 1, 1e-9);
}

TEST(CostLine, FindsEachCurveInFiftyNoisyBatches) {
    for (const auto& curve : {Curve(flat), Curve(linear),
                              Curve([](std::size_t n) { return 5 * static_cast<double>(n); })}) {
        CostLine line;
        test::SeededRandom random{3};
        run_batches(line, 50, curve, random);
        for (const std::size_t jobs : {4, 16, 32}) {
            EXPECT_NEAR(line.ms(jobs), curve(jobs), 0.1 * curve(jobs)) << jobs;
        }
    }
}

TEST(CostLine, FollowsAModelThatBecomesTwiceAsSlow) {
    CostLine line;
    test::SeededRandom random{4};
    run_batches(line, 500, linear, random);
    const auto slower = [](std::size_t jobs) { return 2 * linear(jobs); };
    run_batches(line, 50, slower, random);
    for (const std::size_t jobs : {4, 16, 32}) {
        EXPECT_NEAR(line.ms(jobs), slower(jobs), 0.1 * slower(jobs)) << jobs;
    }
}

TEST(CostLine, FollowsAStepThoughAllBatchesAreOfOneSize) {
    CostLine line;
    for (int i = 0; i < 500; ++i) line.observe(32, 20);
    for (int i = 0; i < 20; ++i) line.observe(32, 40);
    EXPECT_NEAR(line.ms(32), 40, 1);
}

TEST(CostLine, MakesNothingUpAboutSizesThatDoNotOccur) {
    CostLine line;
    for (int i = 0; i < 100; ++i) line.observe(8, 180);
    EXPECT_DOUBLE_EQ(line.ms(1), 180);
    EXPECT_DOUBLE_EQ(line.ms(8), 180);
}

TEST(CostLine, ForgivesAnOutlier) {
    CostLine line;
    for (int i = 0; i < 50; ++i) line.observe(1 + i % 32, linear(1 + i % 32));
    line.observe(16, 2000);
    for (int i = 0; i < 50; ++i) line.observe(1 + i % 32, linear(1 + i % 32));
    EXPECT_LT(line.ms(16), 60);
}

TEST(CostLine, IsNeverNegative) {
    CostLine line;
    line.observe(32, 5);
    line.observe(1, 50);
    EXPECT_GE(line.per_job(), 0);
    EXPECT_GE(line.launch(), 0);
}

// --- AdaptiveDelay: simulated closed loops on one slot ------------------------------------------

// Clients that answer each end with their next job, `think` milliseconds later.
struct Loop {
    Curve curve;
    std::size_t clients = 32;
    double think = 5;
    std::size_t batch_max = 32;
    bool waits = true;  // False: greedy.
    double duration = 20000;
};

// Returns the jobs per second.
double play(const Loop& loop) {
    CostLine cost;
    AdaptiveDelay delay;
    std::vector<double> coming;  // Sorted.
    for (std::size_t i = 0; i < loop.clients; ++i) coming.push_back(0.1 * static_cast<double>(i));
    double now = 0;
    double done = 0;
    std::size_t ready = 0;
    const auto take_those_who_came = [&](double until) {
        while (!coming.empty() && coming.front() <= until) {
            delay.arrived(coming.front());
            coming.erase(coming.begin());
            ++ready;
        }
    };
    while (now < loop.duration) {
        take_those_who_came(now);
        // From here the slot is free.
        while (ready == 0 || (loop.waits && ready < loop.batch_max && !delay.is_enough(ready) &&
                              now < delay.until())) {
            const auto next = coming.empty() ? delay.until() : coming.front();
            now = ready == 0 ? next : std::min(next, delay.until());
            take_those_who_came(now);
        }
        const auto jobs = std::min(ready, loop.batch_max);
        ready -= jobs;
        const auto took = loop.curve(jobs);
        take_those_who_came(now + took);
        now += took;
        cost.observe(jobs, took);
        delay.ended(now, ready, {.cost = cost, .batch_max = loop.batch_max, .slots = 1});
        for (std::size_t i = 0; i < jobs; ++i) {
            coming.push_back(now + loop.think + 0.03 * static_cast<double>(i));
        }
        std::sort(coming.begin(), coming.end());
        done += static_cast<double>(jobs);
    }
    return 1000 * done / now;
}

TEST(AdaptiveDelay, GathersClientsWhoComeBackTogether) {
    Loop loop{.curve = flat};
    const auto waiting = play(loop);
    loop.waits = false;
    const auto greedy = play(loop);
    // 32 in 26 ms; without waiting two groups take turns: 32 in 40 ms.
    EXPECT_GT(waiting, 1150);
    EXPECT_LT(greedy, 850);
}

TEST(AdaptiveDelay, CostsNothingIfBatchesAreFullAnyway) {
    for (const auto& curve : {Curve(flat), Curve(linear)}) {
        Loop loop{.curve = curve, .clients = 64};
        const auto waiting = play(loop);
        loop.waits = false;
        EXPECT_NEAR(waiting / play(loop), 1, 0.01);
    }
}

TEST(AdaptiveDelay, DoesNotWaitForAModelThatCostsByTheJob) {
    Loop loop{.curve = [](std::size_t n) { return 5 * static_cast<double>(n); }};
    const auto waiting = play(loop);
    loop.waits = false;
    EXPECT_NEAR(waiting / play(loop), 1, 0.01);
}

TEST(AdaptiveDelay, GathersIfABatchTakesLong) {
    Loop loop{
        .curve = [](std::size_t) { return 180.0; }, .clients = 8, .think = 15, .batch_max = 8};
    const auto waiting = play(loop);
    loop.waits = false;
    EXPECT_GT(waiting, 1.6 * play(loop));
}

TEST(AdaptiveDelay, DoesNotWaitForASteadyFlow) {
    CostLine cost;
    cost.observe(4, 20);
    AdaptiveDelay delay;
    // A job comes every 5 ms, whenever batches end, so four wait at each end.
    for (int batch = 0; batch < 20; ++batch) {
        const double end = 20.0 * batch;
        delay.ended(end, 4, {.cost = cost, .batch_max = 32, .slots = 1});
        EXPECT_TRUE(delay.is_enough(4)) << batch;
        for (int i = 0; i < 4; ++i) delay.arrived(end + 2.5 + 5 * i);
    }
}

// --- BatchRule ----------------------------------------------------------------------------------

class Rule : public ::testing::Test {
 protected:
    MonoTime at(int ms) const { return start_ + milliseconds(ms); }
    // Runs a batch of `jobs` that ended at `ms` and whose clients come back 4 ms later.
    void run_batch(BatchRule& rule, std::size_t jobs, int ms, std::size_t waiting) {
        rule.observe_cost(jobs, milliseconds(20));
        rule.ended(at(ms), waiting);
        for (std::size_t i = 0; i < jobs; ++i) rule.arrived(at(ms + 4));
    }

    const MonoTime start_ = MonoTime(seconds(1000));
    const BatchLimits limits_{.jobs_max = 32, .bytes_max = 1000};
};

TEST_F(Rule, StartsAtOnceIfNothingWasLearned) {
    const BatchOptions options;
    const BatchRule rule(options, limits_, 1);
    EXPECT_LE(rule.start_at({.jobs = 1, .oldest_since = at(5)}), at(5));
}

TEST_F(Rule, WaitsForTheJobsThatUsuallyComeBackAndForNoOthers) {
    const BatchOptions options;
    BatchRule rule(options, limits_, 1);
    for (int batch = 0; batch < 5; ++batch) run_batch(rule, 16, 20 * batch, 16);
    rule.ended(at(100), 16);
    const Waiting half{.jobs = 16, .oldest_since = at(90)};
    EXPECT_GE(rule.start_at(half), at(104));
    EXPECT_LE(rule.start_at(half), at(110));
    EXPECT_LE(rule.start_at({.jobs = 32, .is_full = true, .oldest_since = at(104)}), at(104));
}

TEST_F(Rule, ALoneJobRightAfterABurstStartsAtOnce) {
    const BatchOptions options;
    BatchRule rule(options, limits_, 1);
    for (int batch = 0; batch < 50; ++batch) run_batch(rule, 16, 20 * batch, 16);
    rule.ended(at(1000), 0);
    // It finds the model idle; the clients that were expected back have not come.
    EXPECT_LE(rule.start_at({.jobs = 1, .oldest_since = at(1020)}), at(1020));
    // After a few such jobs, even one that comes at once does not wait.
    for (int i = 0; i < 5; ++i) {
        rule.arrived(at(1020 + 100 * i));
        run_batch(rule, 0, 1040 + 100 * i, 0);
    }
    EXPECT_LE(rule.start_at({.jobs = 1, .oldest_since = at(1441)}), at(1441));
}

TEST_F(Rule, NeverWaitsLongerThanTheDelay) {
    const BatchOptions options{.delay = milliseconds(2)};
    BatchRule rule(options, limits_, 1);
    for (int batch = 0; batch < 5; ++batch) run_batch(rule, 16, 20 * batch, 16);
    rule.ended(at(100), 16);
    EXPECT_LE(rule.start_at({.jobs = 16, .oldest_since = at(99)}), at(101));
}

TEST_F(Rule, FixedWaitsUntilFullOrTheOldestIsOldEnough) {
    const BatchOptions options{.mode = BatchMode::kFixed, .delay = milliseconds(100)};
    const BatchRule rule(options, limits_, 1);
    EXPECT_EQ(rule.start_at({.jobs = 31, .oldest_since = at(7)}), at(107));
    EXPECT_LE(rule.start_at({.jobs = 32, .is_full = true, .oldest_since = at(7)}), at(7));
}

TEST_F(Rule, StartsInTimeForTheEarliestDeadline) {
    const BatchOptions options{.mode = BatchMode::kFixed, .delay = seconds(1)};
    BatchRule rule(options, limits_, 1);
    for (int batch = 0; batch < 10; ++batch) rule.observe_cost(4, milliseconds(20));
    const Waiting waiting{.jobs = 4, .oldest_since = at(0), .earliest_deadline = at(300)};
    EXPECT_EQ(rule.start_at(waiting), at(280));
}

}  // namespace
}  // namespace millrace::schedule
