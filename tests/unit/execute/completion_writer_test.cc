// The completion writer in a worker made of fakes: outages, lost answers, poison, fences.
#include "worker/execute/completion_writer.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;
using test::Harness;

TEST(CompletionWriter, ASlotIsFreeOnlyWhenItsOutcomeIsWritten) {
    Harness h({.slots = 1});
    const auto first = h.submit();
    const auto second = h.submit();
    h.run();
    h.store.fail_before("job_settle", ErrorCode::kUnavailable);
    h.backend.complete(h.backend.key_of(first));
    h.run();
    EXPECT_EQ(h.state(first), JobState::kInProgress);
    EXPECT_EQ(h.state(second), JobState::kQueued);
    h.run_for(seconds(1));
    EXPECT_EQ(h.state(first), JobState::kCompleted);
    EXPECT_TRUE(h.backend.runs(second));
}

TEST(CompletionWriter, KeepsOutcomesThroughAnOutageAndSendsThemUnderTheirOldFence) {
    Harness h({.slots = 3});
    std::vector<JobId> jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(h.submit());
    h.run();
    const auto worker = h.lease.worker();
    h.store.set_down(true);
    h.backend.complete_all();
    h.run_for(seconds(60));
    EXPECT_FALSE(h.lease.live(h.clock.now()));
    EXPECT_EQ(h.executor.held(), 3U);
    h.store.set_down(false);
    h.run_for(seconds(10));
    for (const auto& job : jobs) {
        EXPECT_EQ(h.state(job), JobState::kCompleted);
        EXPECT_EQ(h.record(job).worker, worker);
        EXPECT_EQ(h.ended(job), 1);
    }
    EXPECT_EQ(h.executor.held(), 0U);
}

TEST(CompletionWriter, SendsTheSameAgainWhenTheAnswerWasLost) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.store.fail_after("job_settle", ErrorCode::kOutcomeUnknown);
    h.backend.complete_all();
    h.run();
    EXPECT_EQ(h.executor.held(), 1U);
    h.run_for(seconds(1));
    EXPECT_EQ(h.executor.held(), 0U);
    EXPECT_EQ(h.ended(job), 1);
    EXPECT_EQ(std::get<wire::Finished>(h.publisher.events(h.topics).back().what).state,
              JobState::kCompleted);
}

// A message to PostgreSQL has at most 1 GiB, which 500 outputs of the maximum size exceed.
TEST(CompletionWriter, BoundsTheBytesWrittenAtOnce) {
    Harness h({.slots = 6, .output_bytes_max = 1000, .complete_bytes_max = 200});
    std::vector<JobId> jobs;
    for (int i = 0; i < 6; ++i) jobs.push_back(h.submit());
    h.run();
    const std::vector<std::size_t> sizes{100, 100, 10, 500, 10, 10};
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto output = '"' + std::string(sizes[i] - 2, 'x') + '"';
        h.backend.complete(h.backend.key_of(jobs[i]), output);
    }
    h.run();
    EXPECT_EQ(h.store.settled, (std::vector<std::size_t>{2, 1, 1, 2}));
    for (const auto& job : jobs) EXPECT_EQ(h.state(job), JobState::kCompleted);
    EXPECT_EQ(h.executor.held(), 0U);
}

TEST(CompletionWriter, CountsTheBytesOfErrorsToo) {
    Harness h({.slots = 2, .complete_bytes_max = 1000});
    const std::vector<JobId> jobs{h.submit(), h.submit()};
    h.run();
    for (const auto& job : jobs) {
        h.backend.finish(h.backend.key_of(job), {.kind = OutcomeKind::kPermanent,
                                                 .error_code = "model_error",
                                                 .error_message = std::string(600, 'x')});
    }
    h.run();
    EXPECT_EQ(h.store.settled, (std::vector<std::size_t>{1, 1}));
}

TEST(CompletionWriter, FindsTheOutcomeThatCannotBeStored) {
    Harness h({.slots = 8});
    std::vector<JobId> jobs;
    for (int i = 0; i < 8; ++i) jobs.push_back(h.submit());
    h.run();
    for (const auto& job : jobs) {
        h.backend.complete(h.backend.key_of(job), job == jobs[5] ? "\"poison\"" : "\"fine\"");
    }
    h.run();
    for (const auto& job : jobs) {
        EXPECT_EQ(h.state(job), job == jobs[5] ? JobState::kFailed : JobState::kCompleted);
    }
    EXPECT_EQ(h.record(jobs[5]).error_code, "invalid_output");
    EXPECT_EQ(h.executor.held(), 0U);
}

TEST(CompletionWriter, AFailureWhoseMessageCannotBeStoredKeepsItsKind) {
    Harness h({.slots = 3});
    std::vector<JobId> jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(h.submit());
    h.run();
    const auto fail = [&](const JobId& job, OutcomeKind kind, const std::string& message) {
        h.backend.finish(h.backend.key_of(job),
                         {.kind = kind, .error_code = "model_error", .error_message = message});
    };
    fail(jobs[0], OutcomeKind::kRetryable, "poison");
    fail(jobs[1], OutcomeKind::kPermanent, "poison");
    fail(jobs[2], OutcomeKind::kRetryable, "fine");
    h.run();
    EXPECT_EQ(h.state(jobs[0]), JobState::kScheduled);
    EXPECT_EQ(h.state(jobs[1]), JobState::kFailed);
    EXPECT_EQ(h.state(jobs[2]), JobState::kScheduled);
    for (const auto& job : jobs) EXPECT_EQ(h.record(job).error_code, "model_error");
    EXPECT_EQ(h.record(jobs[2]).error_message, "fine");
    EXPECT_EQ(h.executor.held(), 0U);
}

TEST(CompletionWriter, DropsAnOutcomeThatCameTooLate) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.mark_lost(h.lease.worker());
    h.rescue();
    h.backend.complete_all();
    h.run();
    EXPECT_EQ(h.state(job), JobState::kQueued);
    EXPECT_EQ(h.record(job).attempts.front().outcome, OutcomeKind::kLost);
    EXPECT_EQ(h.executor.held(), 0U);
    for (const auto& event : h.publisher.events(h.topics)) {
        EXPECT_FALSE(std::holds_alternative<wire::Finished>(event.what));
    }
}

TEST(CompletionWriter, PublishesAJobThatItGaveBack) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.claimer.stop();
    h.executor.interrupt_all();
    h.run();
    EXPECT_EQ(h.state(job), JobState::kQueued);
    const auto& messages = h.publisher.messages();
    const auto found = std::find_if(messages.begin(), messages.end(), [&](const auto& message) {
        return message.topic == h.topics.jobs("default", Priority::kNormal);
    });
    ASSERT_NE(found, messages.end());
    EXPECT_EQ(wire::decode_dispatch(found->value)->job, job);
}

TEST(CompletionWriter, RetriesAFailureAfterABackoff) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.backend.finish(h.backend.key_of(job),
                     {.kind = OutcomeKind::kRetryable, .error_code = "busy"});
    h.run();
    EXPECT_EQ(h.state(job), JobState::kScheduled);
    EXPECT_EQ(h.record(job).failures, 1);
}

}  // namespace
}  // namespace millrace::execute
