// The executor in a worker made of fakes: batches, slots, cancels, deadlines, limits, events.
#include "worker/execute/executor.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;
using test::Harness;

template <class What>
bool is(const wire::Event& event) {
    return std::holds_alternative<What>(event.what);
}

TEST(Executor, RunsAJobFromMessageToOutcome) {
    Harness h;
    const auto job = h.submit();
    h.run();
    ASSERT_TRUE(h.backend.runs(job));
    EXPECT_EQ(h.backend.running().begin()->second.job.spec, Harness::spec());
    EXPECT_EQ(h.subscriber.done_up_to(h.topics.jobs("default", Priority::kNormal)), 0);
    h.backend.complete_all();
    h.run();
    EXPECT_EQ(h.state(job), JobState::kCompleted);
    EXPECT_EQ(h.record(job).output_json, "\"done\"");
    EXPECT_EQ(h.executor.held(), 0U);
}

TEST(Executor, ReportsStartOutputAndEndInOrder) {
    Harness h;
    const auto job = h.submit();
    h.run();
    const auto key = h.backend.key_of(job);
    h.backend.sink().partial(key, "some ");
    h.run();
    h.backend.sink().partial(key, "text");
    h.backend.complete(key);
    h.run();
    const auto events = h.publisher.events(h.topics);
    ASSERT_EQ(events.size(), 4U);
    for (std::uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(events[i].key, key);
        EXPECT_EQ(events[i].sequence, i);
    }
    EXPECT_EQ(std::get<wire::Started>(events[0].what).worker, "worker");
    EXPECT_TRUE(is<wire::Partial>(events[1]) && is<wire::Partial>(events[2]));
    EXPECT_EQ(std::get<wire::Finished>(events[3].what).state, JobState::kCompleted);
}

TEST(Executor, ALongJobDoesNotHoldUpItsNeighbours) {
    Harness h({.slots = 2});
    const auto slow = h.submit();
    std::vector<JobId> others;
    for (int i = 0; i < 10; ++i) others.push_back(h.submit());
    h.run();
    const auto slow_key = h.backend.key_of(slow);
    for (int i = 0; i < 10; ++i) {
        for (const auto& other : others) {
            if (h.backend.runs(other)) h.backend.complete(h.backend.key_of(other));
        }
        h.run();
    }
    for (const auto& other : others) EXPECT_EQ(h.state(other), JobState::kCompleted);
    EXPECT_TRUE(h.backend.running().contains(slow_key));
    // The slow job was claimed, so it does not hold back the partition's offset either.
    EXPECT_EQ(h.subscriber.done_up_to(h.topics.jobs("default", Priority::kNormal)), 10);
}

TEST(Executor, FormsBatchesWithTheSameKey) {
    Harness h({.slots = 2, .batch_max = 3});
    auto a = Harness::spec();
    a.metadata_json = "a";
    auto b = Harness::spec();
    b.metadata_json = "b";
    h.submit(a);
    h.submit(b);
    h.submit(a);
    h.submit(b);
    h.submit(a);
    h.submit(a);
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 2U);
    EXPECT_EQ(h.backend.batches()[0].size(), 3U);
    EXPECT_EQ(h.backend.batches()[1].size(), 2U);
    EXPECT_EQ(h.executor.held(),
              5U);  // The sixth would only wait in line here, so others may have it.
    EXPECT_EQ(h.executor.load().backends[0].jobs, 0U);
    for (const auto& key : std::vector(h.backend.batches()[1])) h.backend.complete(key);
    h.run();
    EXPECT_EQ(h.backend.batches().size(), 3U);
}

TEST(Executor, RunsAJobAloneAfterItsWorkerWasLost) {
    Harness h({.slots = 4, .batch_max = 4});
    h.submit();
    const auto suspect = h.submit();
    h.lose_once(suspect);
    h.submit();
    h.run();
    ASSERT_EQ(h.backend.batches().size(), 2U);
    EXPECT_EQ(h.backend.batches()[0].size(), 2U);
    ASSERT_EQ(h.backend.batches()[1].size(), 1U);
    EXPECT_EQ(h.backend.batches()[1][0].job, suspect);
}

TEST(Executor, HoldsNoMoreJobsThanAllowed) {
    Harness h({.slots = 4, .batch_max = 4, .slots_max = 3});
    for (int i = 0; i < 10; ++i) h.submit();
    h.run();
    EXPECT_EQ(h.backend.running().size(), 3U);
}

TEST(Executor, CancelsARunningAttempt) {
    Harness h;
    const auto job = h.submit();
    h.run();
    (void)h.store.job_cancel({job});
    h.executor.cancel(h.backend.key_of(job));
    EXPECT_TRUE(h.backend.running().empty());
    h.run();
    EXPECT_EQ(h.state(job), JobState::kCancelled);
    EXPECT_TRUE(is<wire::Finished>(h.publisher.events(h.topics).back()));
}

TEST(Executor, CancelsAnAttemptThatWaitsForASlot) {
    Harness h({.slots = 1, .batch_max = 2, .batch = {.mode = schedule::BatchMode::kFixed}});
    const auto waiting = h.submit();
    h.run();
    ASSERT_TRUE(h.executor.holds({waiting, 1}));
    ASSERT_FALSE(h.backend.runs(waiting));
    (void)h.store.job_cancel({waiting});
    h.executor.cancel({waiting, 1});
    h.run();
    EXPECT_EQ(h.state(waiting), JobState::kCancelled);
    EXPECT_EQ(h.executor.held(), 0U);
    EXPECT_TRUE(h.backend.batches().empty());
}

TEST(Executor, KeepsACancelThatComesBeforeTheClaim) {
    Harness h;
    const auto job = h.submit_silently();
    h.run();
    h.executor.cancel({job, 1});
    h.send_message(job, Harness::spec());
    h.run();
    EXPECT_TRUE(h.backend.batches().empty());
    EXPECT_EQ(h.ended(job), 1);
}

TEST(Executor, ForgetsACancelAfterTwoHeartbeats) {
    Harness h;
    const auto job = h.submit_silently();
    h.run();
    h.executor.cancel({job, 1});
    h.executor.forget_cancels();
    h.executor.forget_cancels();
    h.send_message(job, Harness::spec());
    h.run();
    EXPECT_TRUE(h.backend.runs(job));
}

TEST(Executor, AnAbortNeverComesBeforeWhatItAborts) {
    Harness h;
    const auto job = h.submit();
    // The cancel comes while the batch is on its way into the backend.
    h.backend.on_run = [&](const auto& keys) {
        EXPECT_TRUE(h.backend.aborts().empty());
        h.executor.cancel(keys.front());
        EXPECT_TRUE(h.backend.aborts().empty());
    };
    h.run();
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    EXPECT_EQ(h.ended(job), 1);
}

TEST(Executor, CallsNoBackendWithItsLockHeld) {
    Harness h({.slots = 2});
    // While the lock is held, another thread cannot enter. It ends once the lock is released, so a
    // failure is reported and does not hang.
    std::vector<std::future<std::size_t>> entries;
    std::size_t shut_out = 0;
    h.backend.on_call = [&] {
        entries.push_back(std::async(std::launch::async, [&] { return h.executor.held(); }));
        if (entries.back().wait_for(seconds(2)) != std::future_status::ready) ++shut_out;
    };
    const auto sent = h.submit();
    const auto stolen = h.submit_silently();
    h.run();
    h.run_for(seconds(2));
    ASSERT_TRUE(h.backend.runs(sent) && h.backend.runs(stolen));
    h.executor.cancel(h.backend.key_of(sent));
    h.executor.interrupt_all();
    h.executor.changed();
    EXPECT_TRUE(h.executor.changes());
    EXPECT_EQ(h.backend.aborts().size(), 2U);
    EXPECT_GE(entries.size(), 8U);  // Two keys, two weights, two runs, two aborts.
    EXPECT_EQ(shut_out, 0U);
}

TEST(Executor, StopsAnAttemptAtItsDeadline) {
    Harness h;
    auto spec = Harness::spec();
    spec.policy.execution_timeout = seconds(10);
    const auto job = h.submit(spec);
    h.run();
    h.run_for(seconds(9));
    EXPECT_TRUE(h.backend.runs(job));
    h.run_for(seconds(2));
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    EXPECT_EQ(h.backend.aborts()[0].second, backends::AbortReason::kDeadline);
    EXPECT_EQ(h.state(job), JobState::kScheduled);
    EXPECT_EQ(h.record(job).failures, 1);
    const auto last = h.publisher.events(h.topics).back();
    ASSERT_TRUE(is<wire::Requeued>(last));
    const auto& requeued = std::get<wire::Requeued>(last.what);
    EXPECT_EQ(requeued.error_code, h.record(job).error_code);
    EXPECT_EQ(requeued.error_message, h.record(job).error_message);
    EXPECT_NE(requeued.error_code, "");
}

TEST(Executor, FailsAJobWhoseOutputIsTooLarge) {
    Harness h({.output_bytes_max = 10});
    const auto job = h.submit();
    h.run();
    h.backend.complete(h.backend.key_of(job), std::string(11, '1'));
    h.run();
    EXPECT_EQ(h.state(job), JobState::kFailed);
    EXPECT_EQ(h.record(job).error_code, "output_too_large");
    EXPECT_EQ(h.ended(job), 1);
}

TEST(Executor, ReplacesAnAttemptThatWasLostWithoutNotice) {
    Harness h;
    auto spec = Harness::spec();
    spec.policy.execution_timeout = seconds(10);
    const auto job = h.submit(spec);
    h.run();
    const auto older = h.backend.key_of(job);
    // The model does not stop at the deadline, so the keeper queues the job again.
    h.backend.is_stubborn = true;
    h.run_for(seconds(11));
    (void)h.memory.keeper_end_overdue(seconds(0), 10);
    h.send_message(job, spec);
    h.run();
    const AttemptKey newer{job, older.epoch + 1};
    ASSERT_TRUE(h.backend.running().contains(newer));
    EXPECT_EQ(h.executor.load().free, 2U);
    h.backend.complete(older);
    h.run();
    EXPECT_EQ(h.state(job), JobState::kInProgress);
    h.backend.complete(newer);
    h.run();
    EXPECT_EQ(h.state(job), JobState::kCompleted);
    EXPECT_EQ(h.executor.load().free, 4U);
}

TEST(Executor, ContinuesAnAttemptThatIsClaimedAgainUnderItsOwnKey) {
    Harness h;
    const auto job = h.submit();
    h.run();
    const auto key = h.backend.key_of(job);
    h.executor.launch(
        h.lease.worker(), h.clock.now(),
        {{.job = {{.key = key, .remaining = seconds(60)}, Harness::spec()}, .lane = 1}});
    h.run();
    EXPECT_EQ(h.backend.batches().size(), 1U);
    EXPECT_EQ(h.executor.load().free, 3U);
    h.backend.complete(key);
    h.run();
    EXPECT_EQ(h.state(job), JobState::kCompleted);
    EXPECT_EQ(h.executor.load().free, 4U);
}

TEST(Executor, AnOlderAttemptWithTheSameKeyGivesItsSlotBack) {
    Harness h({.slots = 1});
    const auto job = h.submit();
    h.run();
    const auto key = h.backend.key_of(job);
    h.backend.is_stubborn = true;
    // A failover undid the claim, and the worker's next incarnation made it again.
    const WorkerId next(Uuid{{9}});
    h.lease.renew(next, h.clock.now());
    h.executor.launch(
        next, h.clock.now(),
        {{.job = {{.key = key, .remaining = seconds(60)}, Harness::spec()}, .lane = 1}});
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    EXPECT_EQ(h.backend.batches().size(), 1U);
    h.backend.finish(key, backends::aborted_outcome(backends::AbortReason::kInterrupted));
    EXPECT_EQ(h.backend.batches().size(), 2U);
    h.backend.complete(key);
    const auto ended = h.ended_attempts.take();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].worker, next);
    EXPECT_EQ(ended[0].outcome.kind, OutcomeKind::kCompleted);
    h.executor.release(std::vector{key});
    EXPECT_EQ(h.executor.load().free, 1U);
}

TEST(Executor, TextOfABackendIsMadeValid) {
    using namespace std::string_literals;
    Harness h;
    const auto shown = h.submit();
    const auto neighbour = h.submit();
    h.run();
    auto& sink = h.backend.sink();
    const auto key = h.backend.key_of(shown);
    sink.partial(key, "a\0b\xE9"s);
    sink.partial(h.backend.key_of(neighbour), "fine");
    sink.progress(key, 0.5, "step \0"s + std::string(10'000, 'x'));
    h.run();
    h.run_for(milliseconds(100));
    EXPECT_EQ(h.record(shown).partial_text, "a\uFFFDb\uFFFD");
    EXPECT_EQ(h.record(neighbour).partial_text, "fine");
    for (const auto& event : h.publisher.events(h.topics)) {
        if (const auto* progress = std::get_if<wire::Progress>(&event.what)) {
            EXPECT_TRUE(progress->message.starts_with("step \uFFFDxx"));
            EXPECT_LT(progress->message.size(), 5000U);
        }
    }
    h.backend.complete(key, "\"\xFF \\u0000\"");
    h.backend.finish(h.backend.key_of(neighbour),
                     {.kind = OutcomeKind::kRetryable,
                      .error_code = "value_error",
                      .error_message = "byte \0 "s + std::string(100'000, '.')});
    h.run();
    EXPECT_EQ(h.record(shown).output_json, "\"\uFFFD \\u0000\"");
    EXPECT_EQ(h.state(neighbour), JobState::kScheduled);
    EXPECT_EQ(h.record(neighbour).error_code, "value_error");
    EXPECT_TRUE(h.record(neighbour).error_message.starts_with("byte \uFFFD .."));
    EXPECT_LT(h.record(neighbour).error_message.size(), 5000U);
    EXPECT_EQ(h.store.calls("job_settle"), 1);
}

TEST(Executor, PartialOutputThatCannotBeSavedAffectsNoOtherJob) {
    Harness h({.slots = 8});
    std::vector<JobId> jobs;
    for (int i = 0; i < 8; ++i) jobs.push_back(h.submit());
    h.run();
    const auto say = [&](const std::string& bad) {
        for (const auto& job : jobs) {
            const bool is_bad = job == jobs[2] || job == jobs[6];
            h.backend.sink().partial(h.backend.key_of(job), is_bad ? bad : "fine");
        }
        h.run();
        h.run_for(seconds(2));
    };
    say("poison");
    for (const auto& job : jobs) {
        const bool is_bad = job == jobs[2] || job == jobs[6];
        EXPECT_EQ(h.record(job).partial_text.value_or("none"), is_bad ? "none" : "fine");
    }
    say("more");
    EXPECT_EQ(h.record(jobs[0]).partial_text, "finefine");
}

TEST(Executor, SavesPartialOutput) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.backend.sink().partial(h.backend.key_of(job), "so far");
    h.run();
    h.run_for(milliseconds(100));
    EXPECT_EQ(h.record(job).partial_text, "so far");
}

// Brokers accept 1 MiB by default.
TEST(Executor, MessagesOfEventsAreBoundedInBytes) {
    constexpr int kJobs = 400;
    Harness h({.slots = kJobs, .lane_buffer_max = kJobs});
    for (int i = 0; i < kJobs; ++i) h.submit();
    h.run();
    for (const auto& keys : h.backend.batches()) {
        h.backend.sink().progress(keys.front(), 0.5, std::string(4096, 'x'));
    }
    h.run();
    std::size_t bytes = 0;
    for (const auto& message : h.publisher.messages()) {
        EXPECT_LT(message.value.size(), 512U << 10);
        bytes += message.value.size();
    }
    EXPECT_GT(bytes, 4096U * kJobs);
}

}  // namespace
}  // namespace millrace::execute
