// Intake on a store in memory that fails on demand, without threads: the tests call step().
#include "producer/intake/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::intake {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class IntakeTest : public testing::Test {
 protected:
    IntakeTest() { (void)memory_.queue_register({"default"}); }

    static service::SubmitRequest request() { return {test::a_spec(), {}, {}}; }
    static service::SubmitRequest poison() {
        auto request = IntakeTest::request();
        request.spec.model += '\0';
        return request;
    }
    static service::SubmitRequest keyed(const std::string& key, std::uint8_t fingerprint) {
        auto request = IntakeTest::request();
        request.idempotency = storage::IdempotencyKey{key, {fingerprint}};
        return request;
    }
    static std::vector<service::SubmitRequest> requests(std::size_t count) {
        return std::vector<service::SubmitRequest>(count, request());
    }

    // The answer is appended to answers_.
    void submit(service::SubmitRequest request) {
        intake_.submit(std::move(request), [this](service::SubmitResult answer) {
            answers_.push_back(std::move(answer));
        });
    }
    void submit_many(std::vector<service::SubmitRequest> requests) {
        intake_.submit_many(std::move(requests),
                            [this](std::vector<service::SubmitResult> answers) {
                                for (auto& answer : answers) answers_.push_back(std::move(answer));
                            });
    }
    std::vector<JobId> published() {
        clock_.advance(milliseconds(2));
        dispatcher_.step();
        return publisher_.jobs_on("t.jobs.default.normal");
    }
    ErrorCode code(std::size_t answer) const { return answers_.at(answer).error().error.code; }

    static constexpr IntakeOptions kOptions{.batch_max = 4,
                                            .queue_max = 10,
                                            .in_doubt_max = milliseconds(1000),
                                            .in_doubt_retry = milliseconds(100)};
    test::ManualClock clock_;
    test::SeededRandom random_;
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    test::RecordingPublisher publisher_;
    dispatch::Dispatcher dispatcher_{{}, clock_, broker::Topics("t"), publisher_};
    Intake intake_{kOptions, clock_, random_, store_, dispatcher_};
    std::vector<service::SubmitResult> answers_;
};

TEST_F(IntakeTest, CommitsWhateverWaitsAsOneBatch) {
    for (int i = 0; i < 3; ++i) submit(request());
    EXPECT_TRUE(intake_.step());
    EXPECT_EQ(store_.calls("job_insert"), 1);
    ASSERT_THAT(answers_, SizeIs(3));
    for (const auto& answer : answers_) {
        EXPECT_EQ(answer->state, JobState::kQueued);
        EXPECT_TRUE(database_.job(answer->id));
    }
    EXPECT_FALSE(intake_.step());
}

TEST_F(IntakeTest, CommitsAtMostABatchAtATime) {
    for (int i = 0; i < 6; ++i) submit(request());
    intake_.step();
    EXPECT_THAT(answers_, SizeIs(4));
    intake_.step();
    EXPECT_THAT(answers_, SizeIs(6));
}

TEST_F(IntakeTest, IdsCarryTheDatabasesTime) {
    clock_.step_wall(std::chrono::hours(1000));
    submit(request());
    intake_.step();
    EXPECT_EQ(uuid_unix_time(answers_.at(0)->id.uuid()), memory_.database_time());
}

TEST_F(IntakeTest, AnswersManyInOrderAndOnce) {
    submit_many(requests(6));
    intake_.step();
    EXPECT_THAT(answers_, IsEmpty());
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(6));
    for (std::size_t i = 1; i < 6; ++i) EXPECT_LT(answers_[i - 1]->id, answers_[i]->id);
}

TEST_F(IntakeTest, JobsOfOneCallShareACommitIfTheyFit) {
    std::vector<std::size_t> batches;
    store_.on_call([&](const std::string& call) {
        if (call == "job_insert") batches.push_back(answers_.size());
    });
    submit_many(requests(3));
    submit_many(requests(3));
    intake_.step();
    EXPECT_THAT(answers_, SizeIs(3));
    intake_.step();
    EXPECT_THAT(batches, ElementsAre(0, 3));
}

TEST_F(IntakeTest, DispatchesAfterTheCommit) {
    submit(request());
    EXPECT_THAT(published(), IsEmpty());
    intake_.step();
    EXPECT_THAT(published(), ElementsAre(answers_.at(0)->id));
}

TEST_F(IntakeTest, DoesNotDispatchScheduledJobs) {
    auto later = request();
    later.run_at = clock_.wall() + std::chrono::hours(1);
    submit(later);
    intake_.step();
    EXPECT_EQ(answers_.at(0)->state, JobState::kScheduled);
    EXPECT_THAT(published(), IsEmpty());
}

TEST_F(IntakeTest, RefusesWhenTheQueueIsFullAndAcceptsAgainAfterwards) {
    submit_many(requests(10));
    submit(request());
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_EQ(code(0), ErrorCode::kResourceExhausted);
    while (intake_.step()) {
    }
    submit(request());
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(12));
    EXPECT_TRUE(answers_.back().has_value());
}

TEST_F(IntakeTest, AFailureBeforeTheCommitRefusesAllAndKeepsNothing) {
    store_.fail_before("job_insert", ErrorCode::kUnavailable);
    submit_many(requests(2));
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(2));
    EXPECT_EQ(code(0), ErrorCode::kUnavailable);
    EXPECT_FALSE(answers_[0].error().id);
    EXPECT_EQ(database_.job_count(), 0U);
    EXPECT_THAT(published(), IsEmpty());
}

TEST_F(IntakeTest, OnlyTheGuiltyJobOfABatchIsRefused) {
    submit(request());
    submit(poison());
    submit(request());
    submit(request());
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(4));
    EXPECT_EQ(database_.job_count(), 3U);
    int refused = 0;
    for (const auto& answer : answers_) {
        if (answer) continue;
        ++refused;
        EXPECT_EQ(answer.error().error.code, ErrorCode::kInvalidArgument);
    }
    EXPECT_EQ(refused, 1);
    EXPECT_THAT(published(), SizeIs(3));
}

TEST_F(IntakeTest, AnUnknownQueueIsRefusedAlone) {
    submit_many({request(), {test::a_spec("nowhere"), {}, {}}});
    intake_.step();
    EXPECT_TRUE(answers_.at(0).has_value());
    EXPECT_EQ(code(1), ErrorCode::kInvalidArgument);
}

TEST_F(IntakeTest, AKnownKeyAnswersWithTheFirstJob) {
    submit(keyed("k", 1));
    intake_.step();
    submit(keyed("k", 1));
    submit(keyed("k", 2));
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(3));
    EXPECT_FALSE(answers_[0]->replayed);
    EXPECT_TRUE(answers_[1]->replayed);
    EXPECT_FALSE(answers_[1]->key_reused);
    EXPECT_TRUE(answers_[2]->key_reused);
    EXPECT_EQ(answers_[1]->id, answers_[0]->id);
    EXPECT_EQ(database_.job_count(), 1U);
    EXPECT_THAT(published(), SizeIs(1));
}

TEST_F(IntakeTest, ACommitInDoubtThatSucceededIsAccepted) {
    store_.fail_after("job_insert", ErrorCode::kOutcomeUnknown);
    submit_many(requests(2));
    intake_.step();
    EXPECT_THAT(answers_, IsEmpty());
    clock_.advance(milliseconds(100));
    EXPECT_TRUE(intake_.step());
    ASSERT_THAT(answers_, SizeIs(2));
    EXPECT_TRUE(database_.job(answers_[0]->id));
    EXPECT_EQ(database_.job_count(), 2U);
    EXPECT_THAT(published(), SizeIs(2));
}

TEST_F(IntakeTest, ACommitInDoubtThatFailedIsRepeated) {
    store_.fail_before("job_insert", ErrorCode::kOutcomeUnknown);
    submit(request());
    intake_.step();
    clock_.advance(milliseconds(100));
    intake_.step();
    EXPECT_EQ(database_.job_count(), 1U);
    EXPECT_TRUE(database_.job(answers_.at(0)->id));
}

TEST_F(IntakeTest, ACommitThatAppearsAfterTheLookupIsNotDoubled) {
    // The rows appear between the look and the second insert, and make that insert a duplicate.
    store_.fail_before("job_insert", ErrorCode::kOutcomeUnknown);
    store_.fail_after("job_insert", ErrorCode::kDataCorrupt);
    submit_many(requests(3));
    intake_.step();
    clock_.advance(milliseconds(100));
    intake_.step();
    ASSERT_THAT(answers_, SizeIs(3));
    for (const auto& answer : answers_) EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(database_.job_count(), 3U);
}

TEST_F(IntakeTest, AKeyCommittedInDoubtIsNotAReplayOfItself) {
    store_.fail_after("job_insert", ErrorCode::kOutcomeUnknown);
    submit(keyed("k", 1));
    intake_.step();
    clock_.advance(milliseconds(100));
    intake_.step();
    EXPECT_FALSE(answers_.at(0)->replayed);
}

TEST_F(IntakeTest, ADoubtThatLastsEndsWithTheJobsId) {
    store_.fail_after("job_insert", ErrorCode::kOutcomeUnknown);
    submit(request());
    intake_.step();
    store_.set_down(true);
    for (int i = 0; i < 11; ++i) {
        clock_.advance(milliseconds(100));
        intake_.step();
    }
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_EQ(code(0), ErrorCode::kOutcomeUnknown);
    ASSERT_TRUE(answers_[0].error().id);
    EXPECT_TRUE(database_.job(*answers_[0].error().id));
}

TEST_F(IntakeTest, ADoubtDoesNotHoldUpOthers) {
    store_.fail_after("job_insert", ErrorCode::kOutcomeUnknown);
    submit(request());
    intake_.step();
    submit(request());
    intake_.step();
    EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(IntakeTest, StoppingAnswersEverything) {
    submit(request());
    store_.fail_after("job_insert", ErrorCode::kOutcomeUnknown);
    intake_.step();
    submit_many(requests(6));
    intake_.close();
    intake_.run();
    ASSERT_THAT(answers_, SizeIs(7));
    for (const auto& answer : answers_) EXPECT_TRUE(answer.has_value());
    submit(request());
    EXPECT_EQ(code(7), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::intake
