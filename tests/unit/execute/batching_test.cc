// Batches in a worker made of fakes: which jobs are claimed for them and when, when they start, and
// what closes them.
#include <gtest/gtest.h>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;
using test::Harness;

constexpr milliseconds kCost{100};

JobSpec with_key(std::string key, Priority priority = Priority::kNormal) {
    auto spec = Harness::spec(priority);
    spec.metadata_json = std::move(key);
    return spec;
}

std::vector<JobId> submit(Harness& h, int jobs, const JobSpec& spec = Harness::spec()) {
    std::vector<JobId> ids;
    for (int i = 0; i < jobs; ++i) ids.push_back(h.submit(spec));
    return ids;
}

// Completes the jobs that run now, but not those that start in their place.
void complete_batch(Harness& h) {
    for (const auto& key : std::vector(h.backend.batches().back())) h.backend.complete(key);
}

void pass(Harness& h, milliseconds time) {
    h.clock.advance(time);
    h.run();
}

// Makes the one slot busy: a first batch has shown that the model takes 100 ms; the next one runs.
Harness& busy(Harness& h, const std::string& key = {}) {
    h.submit(with_key(key));
    h.run();
    h.clock.advance(kCost);
    complete_batch(h);
    h.run();
    h.submit(with_key(key));
    h.run();
    EXPECT_EQ(h.backend.running().size(), 1U);
    return h;
}

std::size_t last_batch(const Harness& h) {
    return h.backend.batches().back().size();
}

// --- Claiming ahead -----------------------------------------------------------------------------

TEST(Batching, TheNextBatchIsReadyWhenTheSlotFreesAndFillsUpUntilThen) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    submit(h, 2);
    pass(h, milliseconds(70));
    EXPECT_EQ(h.executor.held(), 1U);  // 30 ms are left: too early.
    EXPECT_EQ(h.executor.next_tick(), h.clock.now() + milliseconds(10));
    pass(h, milliseconds(10));
    EXPECT_EQ(h.executor.held(), 3U);
    pass(h, milliseconds(10));
    h.submit();
    h.run();
    EXPECT_EQ(h.executor.held(), 4U);
    EXPECT_EQ(h.backend.batches().size(), 2U);
    h.clock.advance(milliseconds(10));
    complete_batch(h);
    EXPECT_EQ(h.backend.batches().size(), 3U);  // At once, without a step of any part.
    EXPECT_EQ(last_batch(h), 3U);
}

TEST(Batching, ClaimsAtMostOneBatchAhead) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    const auto jobs = submit(h, 20);
    pass(h, milliseconds(90));
    EXPECT_EQ(h.executor.held(), 1U + 4U);
    EXPECT_EQ(h.state(jobs[4]), JobState::kQueued);
}

TEST(Batching, WakesTheClaimerWhenASlotIsAboutToBeFree) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    int woken = 0;
    h.executor.on_free([&] { ++woken; });
    h.clock.advance(milliseconds(79));
    h.executor.tick();
    EXPECT_EQ(woken, 0);
    h.clock.advance(milliseconds(1));
    h.executor.tick();
    h.executor.tick();
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(h.executor.next_tick(), MonoTime::max());
}

TEST(Batching, ClaimsNothingForABatchThatIsLongOverdue) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    h.clock.advance(milliseconds(121));
    submit(h, 2);
    h.run();
    EXPECT_EQ(h.executor.held(), 1U);
}

TEST(Batching, ClaimsNothingAheadIfTimesCannotBePredicted) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    for (int i = 0; i < 20; ++i) {
        h.clock.advance(i % 2 == 0 ? milliseconds(400) : milliseconds(10));
        complete_batch(h);
        h.run();
        h.submit();
        h.run();
    }
    submit(h, 4);
    for (int i = 0; i < 50; ++i) {
        pass(h, milliseconds(10));
        ASSERT_EQ(h.executor.held(), 1U);
    }
}

TEST(Batching, ClaimsNothingAheadForBackendsThatRunJobsOneByOne) {
    Harness h({.slots = 1, .batch_max = 1});
    busy(h);
    h.submit();
    pass(h, milliseconds(99));
    EXPECT_EQ(h.executor.held(), 1U);
}

TEST(Batching, KeepsToTheWorkersOwnLimit) {
    Harness h({.slots = 1, .batch_max = 4, .slots_max = 3});
    busy(h);
    submit(h, 20);
    pass(h, milliseconds(90));
    EXPECT_EQ(h.executor.held(), 3U);
}

TEST(Batching, AJobClaimedAheadIsHandedBackAtADrain) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    const auto job = h.submit();
    pass(h, milliseconds(90));
    ASSERT_EQ(h.executor.held(), 2U);
    h.claimer.stop();
    h.executor.interrupt_all();
    h.run();
    EXPECT_EQ(h.state(job), JobState::kQueued);
    EXPECT_EQ(h.executor.held(), 0U);
}

// --- Keys and lanes -----------------------------------------------------------------------------

TEST(Batching, ClaimsABatchWithTheSameKeyFromAMixture) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h, "a");
    for (int i = 0; i < 4; ++i) {
        h.submit(with_key("a"));
        h.submit(with_key("b"));
        h.submit(with_key("c"));
    }
    pass(h, milliseconds(90));
    EXPECT_EQ(h.executor.held(), 5U);
    complete_batch(h);
    EXPECT_EQ(last_batch(h), 4U);
    for (const auto& [key, execution] : h.backend.running()) {
        EXPECT_EQ(execution.job.spec.metadata_json, "a");
    }
    h.run();
    EXPECT_EQ(h.executor.held(), 4U);  // The time of the next one has not come.
}

TEST(Batching, AnUrgentJobLeadsTheNextBatch) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h, "a");
    submit(h, 50, with_key("a", Priority::kLow));
    pass(h, milliseconds(50));
    const auto urgent = h.submit(with_key("b", Priority::kHigh));
    pass(h, milliseconds(40));
    h.clock.advance(milliseconds(10));
    complete_batch(h);
    EXPECT_TRUE(h.backend.runs(urgent));
}

TEST(Batching, AnUrgentJobJoinsTheBatchThatWaits) {
    Harness h({.slots = 1, .batch_max = 4});
    busy(h);
    submit(h, 2, Harness::spec(Priority::kLow));
    pass(h, milliseconds(90));
    const auto urgent = h.submit(Harness::spec(Priority::kHigh));
    h.run();
    complete_batch(h);
    EXPECT_TRUE(h.backend.runs(urgent));
    EXPECT_EQ(last_batch(h), 3U);
}

// --- What closes a batch ------------------------------------------------------------------------

TEST(Batching, FixedStartsWhenFull) {
    Harness h(
        {.slots = 1, .batch_max = 64, .batch = {.mode = schedule::BatchMode::kFixed, .size = 4}});
    submit(h, 3);
    h.run();
    EXPECT_TRUE(h.backend.batches().empty());
    submit(h, 2);
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 1U);
    EXPECT_EQ(last_batch(h), 4U);
}

TEST(Batching, FixedStartsWhenTheOldestHasWaitedLongEnough) {
    Harness h({.slots = 1, .batch_max = 4, .batch = {.mode = schedule::BatchMode::kFixed}});
    int earlier = 0;
    h.executor.on_earlier_tick([&] { ++earlier; });
    h.submit();
    h.run();
    EXPECT_EQ(h.executor.next_tick(), h.clock.now() + milliseconds(100));
    EXPECT_EQ(earlier, 1);
    pass(h, milliseconds(60));
    h.submit();
    h.run();
    pass(h, milliseconds(39));
    EXPECT_TRUE(h.backend.batches().empty());
    h.clock.advance(milliseconds(1));
    h.executor.tick();
    ASSERT_EQ(h.backend.batches().size(), 1U);
    EXPECT_EQ(last_batch(h), 2U);
}

TEST(Batching, AJobOfAnotherKeyDoesNotWaitBehindABatchThatWaits) {
    Harness h({.slots = 1, .batch_max = 2, .batch = {.mode = schedule::BatchMode::kFixed}});
    const auto waiting = h.submit(with_key("a"));
    h.run();
    submit(h, 2, with_key("b"));
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 1U);
    EXPECT_EQ(last_batch(h), 2U);
    h.clock.advance(milliseconds(100));
    complete_batch(h);
    EXPECT_TRUE(h.backend.runs(waiting));
}

TEST(Batching, ABatchThatWaitsIsFilledBeforeAnotherIsClaimed) {
    Harness h({.slots = 1, .batch_max = 4, .batch = {.mode = schedule::BatchMode::kFixed}});
    h.submit(with_key("a"));
    h.run();
    submit(h, 20, with_key("a"));
    h.run();
    EXPECT_EQ(last_batch(h), 4U);
    EXPECT_EQ(h.executor.held(), 4U);  // None waits in line.
}

TEST(Batching, AJobThatWasLostStartsAloneAtOnce) {
    Harness h({.slots = 1, .batch_max = 4, .batch = {.mode = schedule::BatchMode::kFixed}});
    const auto suspect = h.submit_silently();
    h.lose_once(suspect);
    h.send_message(suspect, Harness::spec());
    h.run();
    EXPECT_TRUE(h.backend.runs(suspect));
}

TEST(Batching, ABudgetOfWeightClosesABatch) {
    // A job's weight is the length of its input: 18.
    Harness h({.slots = 2, .batch_max = 10, .batch_weight_max = 50});
    submit(h, 5);
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 2U);
    EXPECT_EQ(h.backend.batches()[0].size(), 2U);
    EXPECT_EQ(h.backend.batches()[1].size(), 2U);
    complete_batch(h);
    EXPECT_EQ(last_batch(h), 1U);
}

TEST(Batching, AJobHeavierThanTheBudgetRunsAlone) {
    Harness h({.slots = 1, .batch_max = 10, .batch_weight_max = 10});
    submit(h, 2);
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 1U);
    EXPECT_EQ(last_batch(h), 1U);
}

TEST(Batching, TheMemoryOfABatchIsBounded) {
    Harness h({.slots = 1, .batch_max = 10, .batch = {.bytes_max = 50}});
    submit(h, 5);
    h.run();
    EXPECT_EQ(last_batch(h), 2U);
}

// --- Waiting ------------------------------------------------------------------------------------

// Two groups of clients take turns; each answers an end with its next jobs 5 ms later.
TEST(Batching, WaitsForClientsWhoComeBackTogether) {
    Harness h({.slots = 1, .batch_max = 8});
    submit(h, 4);
    h.run();
    std::size_t largest = 0;
    for (int i = 0; i < 10; ++i) {
        h.clock.advance(kCost);
        const auto answered = static_cast<int>(h.backend.running().size());
        complete_batch(h);
        h.run();
        pass(h, milliseconds(5));
        submit(h, i == 0 ? 8 - 4 + answered : answered);
        h.run();
        // Lets the wait pass, if there is one.
        for (int ms = 0; ms < 10 && h.backend.running().empty(); ++ms) pass(h, milliseconds(1));
        ASSERT_FALSE(h.backend.running().empty());
        largest = last_batch(h);
    }
    EXPECT_EQ(largest, 8U);
}

TEST(Batching, ALoneJobStartsAtOnceAlsoAfterABurst) {
    Harness h({.slots = 1, .batch_max = 8});
    for (int i = 0; i < 20; ++i) {
        submit(h, 8);
        h.run();
        h.clock.advance(kCost);
        complete_batch(h);
        h.run();
        pass(h, milliseconds(2));
    }
    for (int i = 0; i < 5; ++i) {
        pass(h, milliseconds(500));
        const auto job = h.submit();
        h.run();
        EXPECT_TRUE(h.backend.runs(job));
        h.clock.advance(kCost);
        complete_batch(h);
        h.run();
    }
}

}  // namespace
}  // namespace millrace::execute
