#include "producer/commands/retries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/dispatch/dispatcher.h"
#include "producer/intake/intake.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::commands {
namespace {

using testing::SizeIs;

class RetriesTest : public testing::Test {
 protected:
    void SetUp() override { ASSERT_TRUE(store_.queue_register({"default"}).has_value()); }

    JobId insert() {
        const JobSpec spec{
            {.queue = "default",
             .model = "echo",
             .policy = {.execution_timeout = std::chrono::seconds(7), .attempts_max = 5}},
            R"({"prompt":"hello"})",
            {}};
        const auto job = test::new_job(JobId(ids_.next(memory_.database_time())), spec);
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    JobId insert_cancelled() {
        const auto job = insert();
        EXPECT_TRUE(memory_.job_cancel({job}).has_value());
        return job;
    }
    // Returns the answer once the submissions that it made are committed.
    Result<service::RetryPage> retry(const std::vector<JobId>& ids) {
        std::optional<Result<service::RetryPage>> answer;
        retries_.retry(store_, ids,
                       [&](Result<service::RetryPage> page) { answer = std::move(page); });
        while (!answer && intake_.step()) {
        }
        return answer.value();
    }
    Result<service::RetryPage> retry_matching(const storage::JobFilter& filter) {
        std::vector<JobId> ids;
        const auto listed = store_.job_list(Retries::narrowed(filter), 1000).value();
        for (const auto& job : listed.jobs) ids.push_back(job.id);
        return retry(ids);
    }

    test::ManualClock clock_;
    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    test::RecordingPublisher publisher_;
    const broker::Topics topics_{"t"};
    dispatch::Dispatcher dispatcher_{{}, clock_, topics_, publisher_};
    intake::Intake intake_{{}, clock_, random_, store_, dispatcher_};
    Retries retries_{{}, [this](std::vector<service::SubmitRequest> requests, auto done) {
                         intake_.submit_many(std::move(requests), std::move(done));
                     }};
};

TEST_F(RetriesTest, MakesANewJobOfTheOldSpec) {
    const auto old = insert_cancelled();
    const auto page = retry({old});
    ASSERT_TRUE(page.has_value());
    const auto& reply = page->jobs.at(0).retry;
    ASSERT_TRUE(reply.has_value());
    EXPECT_FALSE(reply->replayed);
    EXPECT_NE(reply->id, old);
    const auto retry = database_.job(reply->id).value();
    EXPECT_EQ(retry.retry_of, old);
    EXPECT_EQ(retry.input_json, R"({"prompt":"hello"})");
    EXPECT_EQ(retry.attempts_max, 5);
    EXPECT_EQ(retry.state, JobState::kQueued);
    EXPECT_EQ(database_.job(old)->state, JobState::kCancelled);
    EXPECT_EQ(database_.job(old)->retried_by, reply->id);
}

TEST_F(RetriesTest, AnswersASecondTimeWithTheSameRetry) {
    const auto old = insert_cancelled();
    const auto first = retry({old})->jobs.at(0).retry->id;
    const auto again = retry({old})->jobs.at(0).retry;
    EXPECT_EQ(again->id, first);
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(database_.job_count(), 2U);
}

TEST_F(RetriesTest, TwoRequestsThatBothFoundNoRetryMakeOne) {
    const auto old = insert_cancelled();
    std::vector<service::SubmitResult> answers;
    const auto take = [&](const Result<service::RetryPage>& page) {
        answers.push_back(page->jobs.at(0).retry);
    };
    retries_.retry(store_, {old}, take);
    retries_.retry(store_, {old}, take);
    while (answers.size() < 2 && intake_.step()) {
    }
    ASSERT_THAT(answers, SizeIs(2));
    EXPECT_EQ(answers[0]->id, answers[1]->id);
    EXPECT_TRUE(answers[1]->replayed);
    EXPECT_EQ(database_.job_count(), 2U);
}

TEST_F(RetriesTest, RefusesJobsThatDidNotEndBadly) {
    const auto page = retry({insert(), JobId(ids_.next(memory_.database_time()))});
    EXPECT_EQ(page->jobs.at(0).retry.error().error.code, ErrorCode::kConflict);
    EXPECT_EQ(page->jobs.at(1).retry.error().error.code, ErrorCode::kNotFound);
    EXPECT_EQ(database_.job_count(), 1U);
}

TEST_F(RetriesTest, RetriesMatchingJobsPageByPageAndNoneTwice) {
    retry({insert_cancelled()});
    for (int i = 0; i < 3; ++i) insert_cancelled();
    const storage::JobFilter filter{.states = {JobState::kCancelled}, .limit = 2};
    const auto first = retry_matching(filter);
    EXPECT_THAT(first->jobs, SizeIs(2));
    const auto second = retry_matching(filter);
    EXPECT_THAT(second->jobs, SizeIs(1));
    EXPECT_THAT(retry_matching(filter)->jobs, SizeIs(0));
}

TEST_F(RetriesTest, NeverRetriesOpenJobsWhateverTheFilter) {
    insert();
    EXPECT_THAT(retry_matching({.states = {JobState::kQueued}})->jobs, SizeIs(0));
    EXPECT_THAT(retry_matching({})->jobs, SizeIs(0));
}

TEST_F(RetriesTest, ReadsNoMoreSpecsThanThereIsRoomForAndOneAtLeast) {
    const auto first = insert_cancelled();
    const auto second = insert_cancelled();
    Retries tight{{.bytes_max = 1}, [this](auto requests, auto done) {
                      intake_.submit_many(std::move(requests), std::move(done));
                  }};
    std::optional<service::RetryPage> page;
    int told = 0;
    tight.retry(store_, {first, second},
                [&](const Result<service::RetryPage>& answer) { page = answer.value(); });
    EXPECT_EQ(store_.calls("job_specs"), 1);
    EXPECT_FALSE(tight.has_room());
    for (const bool goes_on : {false, true, true}) {
        tight.when_room([&told, goes_on] { return ++told, goes_on; });
    }
    EXPECT_EQ(tight.waiting(), 3U);
    while (!page && intake_.step()) {
    }
    ASSERT_THAT(page->jobs, SizeIs(1)) << "of the first only";
    EXPECT_EQ(page->jobs[0].job, first);
    EXPECT_TRUE(tight.has_room());
    EXPECT_EQ(told, 2) << "the first made no use of it";
    tight.retry(store_, {first}, [](const Result<service::RetryPage>&) {});
    EXPECT_EQ(told, 3) << "by one that needed no room";
}

TEST_F(RetriesTest, SaysWhenTheStoreIsAway) {
    const auto old = insert_cancelled();
    for (const auto* call : {"job_get", "job_specs"}) {
        store_.fail_before(call, ErrorCode::kUnavailable);
        EXPECT_EQ(retry({old}).error().code, ErrorCode::kUnavailable) << call;
    }
    store_.fail_before("job_insert", ErrorCode::kUnavailable);
    EXPECT_EQ(retry({old})->jobs.at(0).retry.error().error.code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::commands
