// Ending attempts: the fence, each outcome, and repeated calls.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Settle : public StoreTest {};

TEST_P(Settle, CompletesAJob) {
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(completed(attempt)), JobState::kCompleted);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.state, JobState::kCompleted);
    EXPECT_EQ(job.output_json, R"({"text":"done"})");
    EXPECT_EQ(job.usage, (Usage{5, 7}));
    EXPECT_EQ(job.worker, worker_);
    EXPECT_EQ(job.epoch, 1);
    EXPECT_TRUE(job.finished_at);
    EXPECT_EQ(job.error_code, "");
    ASSERT_THAT(job.attempts, SizeIs(1));
    EXPECT_EQ(job.attempts[0].outcome, OutcomeKind::kCompleted);
    EXPECT_EQ(job.attempts[0].ended_at, job.finished_at);
}

TEST_P(Settle, KeepsTheUsageThatWasCounted) {
    auto one = completed(insert_claimed());
    one.outcome.usage = {};
    settle(one);
    EXPECT_EQ(get(one.key.job).usage, Usage{});
    auto other = completed(insert_claimed());
    other.outcome.usage = {.prompt_tokens = 5};
    settle(other);
    EXPECT_EQ(get(other.key.job).usage, (Usage{.prompt_tokens = 5}));
}

TEST_P(Settle, FailsAJobAndKeepsTheError) {
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(failed(attempt)), JobState::kFailed);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.state, JobState::kFailed);
    EXPECT_EQ(job.error_code, "bad_prompt");
    EXPECT_EQ(job.error_message, "why it is bad_prompt");
    EXPECT_EQ(job.failures, 1);
    EXPECT_FALSE(job.output_json);
    ASSERT_THAT(job.attempts, SizeIs(1));
    EXPECT_EQ(job.attempts[0].outcome, OutcomeKind::kPermanent);
}

TEST_P(Settle, SchedulesTheNextTry) {
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(to_retry(attempt, 10s)), JobState::kScheduled);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.failures, 1);
    EXPECT_EQ(job.interruptions, 0);
    EXPECT_EQ(job.error_code, "model_busy");
    EXPECT_FALSE(job.worker || job.finished_at);
    EXPECT_FALSE(can_claim(worker_, attempt.job));
    EXPECT_THAT(store_->keeper_release(10).value().moved, IsEmpty());
    pass(11s);
    EXPECT_THAT(store_->keeper_release(10).value().moved, SizeIs(1));
    const auto claims = store_->job_claim(worker_, {attempt.job}).value();
    ASSERT_THAT(claims, SizeIs(1));
    EXPECT_EQ(claims[0].failures, 1);
    EXPECT_EQ(claims[0].attempt, 2);
}

TEST_P(Settle, QueuesAnInterruptedJobAtOnce) {
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(interrupted(attempt)), JobState::kQueued);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.failures, 0);
    EXPECT_EQ(job.interruptions, 1);
    EXPECT_FALSE(job.worker);
    EXPECT_TRUE(can_claim(add_worker(), attempt.job));
}

TEST_P(Settle, ExpiresAJobThatWasCutOffByItsTimeToLive) {
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(expired(attempt)), JobState::kExpired);
    EXPECT_EQ(get(attempt.job).error_code, "expired");
}

TEST_P(Settle, CompletesAJobThatIsCancelling) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->job_cancel({attempt.job}));
    EXPECT_EQ(settle(completed(attempt)), JobState::kCompleted);
}

TEST_P(Settle, CancelsAJobThatIsCancellingAndDidNotComplete) {
    const std::vector<SettledAttempt (*)(AttemptKey)> endings{
        failed, [](AttemptKey key) { return to_retry(key); }, interrupted, expired};
    for (const auto ending : endings) {
        const auto attempt = insert_claimed();
        ASSERT_TRUE(store_->job_cancel({attempt.job}));
        EXPECT_EQ(settle(ending(attempt)), JobState::kCancelled);
        EXPECT_EQ(state(attempt.job), JobState::kCancelled);
    }
}

TEST_P(Settle, RefusesAnotherEpochAndAnotherWorker) {
    const auto attempt = insert_claimed();
    EXPECT_FALSE(is_accepted(worker_, completed({attempt.job, 2})));
    EXPECT_FALSE(is_accepted(worker_, failed({attempt.job, 2})));
    const auto other = add_worker();
    EXPECT_FALSE(is_accepted(other, completed(attempt)));
    EXPECT_FALSE(is_accepted(other, interrupted(attempt)));
    EXPECT_FALSE(is_accepted(worker_, completed({new_job().id, 1})));
    EXPECT_EQ(state(attempt.job), JobState::kInProgress);
}

TEST_P(Settle, RefusesAJobThatRunsNowhere) {
    const auto job = insert();
    EXPECT_FALSE(is_accepted(worker_, completed({job, 0})));
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_P(Settle, RefusesALateWorkerWhoseJobWasRescued) {
    const auto late = insert_claimed();
    lose(worker_);
    ASSERT_THAT(store_->keeper_rescue({}).value().moved, SizeIs(1));
    EXPECT_FALSE(is_accepted(worker_, completed(late)));
    EXPECT_FALSE(is_accepted(worker_, failed(late)));
    const auto other = add_worker();
    const auto second = claim(other, late.job);
    EXPECT_FALSE(is_accepted(worker_, completed(late)));
    EXPECT_EQ(settle(other, completed(second, R"({"text":"second"})")), JobState::kCompleted);
    EXPECT_FALSE(is_accepted(worker_, completed(late)));
    EXPECT_EQ(get(late.job).output_json, R"({"text":"second"})");
}

TEST_P(Settle, AcceptsALateWorkerWhoseJobWasNotRescuedYet) {
    const auto late = insert_claimed();
    lose(worker_);
    EXPECT_EQ(settle(completed(late)), JobState::kCompleted);
    EXPECT_THAT(store_->keeper_rescue({}).value().moved, IsEmpty());
}

TEST_P(Settle, RecognisesWhatItHasSettledBefore) {
    for (const auto& ending : std::vector<std::function<SettledAttempt(AttemptKey)>>{
             [](AttemptKey key) { return completed(key); }, failed,
             [](AttemptKey key) { return to_retry(key); }, interrupted, expired}) {
        const auto attempt = ending(insert_claimed());
        const auto first = reply_to(worker_, attempt);
        const auto again = reply_to(worker_, attempt);
        EXPECT_TRUE(first.accepted);
        EXPECT_TRUE(again.accepted);
        EXPECT_EQ(again.state, first.state);
    }
}

TEST_P(Settle, RecognisesAnInterruptionThatContinued) {
    const auto attempt = insert_claimed();
    settle(interrupted(attempt));
    const auto other = add_worker();
    claim(other, attempt.job);
    const auto again = reply_to(worker_, interrupted(attempt));
    EXPECT_TRUE(again.accepted);
    EXPECT_EQ(again.state, JobState::kInProgress);
    EXPECT_EQ(get(attempt.job).worker, other);
}

TEST_P(Settle, DoesNotMistakeAKeepersEndingForItsOwn) {
    const auto attempt = insert_claimed([](NewJob& j) { j.terms.policy.attempts_max = 1; });
    pass(120s);
    ASSERT_THAT(store_->keeper_end_overdue(10s, 10).value().moved, SizeIs(1));
    EXPECT_FALSE(is_accepted(worker_, completed(attempt)));
    EXPECT_EQ(state(attempt.job), JobState::kFailed);
}

TEST_P(Settle, AnswersAMixedBatchInOrder) {
    const auto a = insert_claimed();
    const auto b = insert_claimed();
    const auto c = insert_claimed();
    const auto d = insert_claimed();
    const auto replies = store_
                             ->job_settle(worker_, {interrupted(d), completed(b), failed(a),
                                                    completed({new_job().id, 1}), completed(c)})
                             .value();
    ASSERT_THAT(replies, SizeIs(5));
    EXPECT_EQ(replies[0].key, d);
    EXPECT_EQ(replies[0].state, JobState::kQueued);
    EXPECT_EQ(replies[1].key, b);
    EXPECT_EQ(replies[1].state, JobState::kCompleted);
    EXPECT_EQ(replies[2].state, JobState::kFailed);
    EXPECT_FALSE(replies[3].accepted);
    EXPECT_EQ(replies[4].state, JobState::kCompleted);
    EXPECT_EQ(state(d.job), JobState::kQueued);
    EXPECT_EQ(state(a.job), JobState::kFailed);
}

TEST_P(Settle, RestartsTheCountOfLosses) {
    const auto job = insert();
    const auto lost = add_worker();
    claim(lost, job);
    lose(lost);
    store_->keeper_rescue({}).value();
    const auto claims = store_->job_claim(worker_, {job}).value();
    EXPECT_EQ(claims.at(0).losses, 1);
    settle(interrupted(claims[0].key));
    EXPECT_EQ(store_->job_claim(worker_, {job}).value().at(0).losses, 0);
}

TEST_P(Settle, KeepsTheHistoryInOrder) {
    const auto job = insert();
    settle(interrupted(claim(job)));
    settle(to_retry(claim(job), 0s));
    pass(1s);
    ASSERT_THAT(store_->keeper_release(10).value().moved, SizeIs(1));
    settle(completed(claim(job)));
    const auto attempts = get(job).attempts;
    ASSERT_THAT(attempts, SizeIs(3));
    EXPECT_EQ(attempts[0].outcome, OutcomeKind::kInterrupted);
    EXPECT_EQ(attempts[1].outcome, OutcomeKind::kRetryable);
    EXPECT_EQ(attempts[2].outcome, OutcomeKind::kCompleted);
    for (int i = 0; i < 3; ++i) {
        const auto& attempt = attempts[static_cast<std::size_t>(i)];
        EXPECT_EQ(attempt.epoch, i + 1);
        EXPECT_EQ(attempt.worker, worker_);
        EXPECT_EQ(attempt.worker_name, "gpu-1");
        EXPECT_TRUE(attempt.ended_at);
    }
}

TEST_P(Settle, SaysWhyEachAttemptEnded) {
    const auto job = insert();
    settle(to_retry(claim(job), 0s));
    pass(1s);
    ASSERT_THAT(store_->keeper_release(10).value().moved, SizeIs(1));
    const auto second = claim(job);
    ASSERT_TRUE(store_->job_cancel({job}));
    settle(interrupted(second));
    const auto record = get(job);
    EXPECT_EQ(record.error_code, "cancelled");
    ASSERT_THAT(record.attempts, SizeIs(2));
    EXPECT_EQ(record.attempts[0].error_code, "model_busy");
    EXPECT_EQ(record.attempts[0].error_message, "why it is model_busy");
    EXPECT_EQ(record.attempts[1].outcome, OutcomeKind::kCancelled);
}

TEST_P(Settle, KeepsTheLaterOfTwoPartialOutputs) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 2, "one two"}}));
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 1, "one"}}));
    EXPECT_EQ(get(attempt.job).partial_text, "one two");
}

TEST_P(Settle, ShowsPartialOutputUntilTheEnd) {
    const auto attempt = insert_claimed();
    EXPECT_FALSE(get(attempt.job).partial_text);
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 1, "one"}}));
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 2, "one two"}}));
    EXPECT_EQ(get(attempt.job).partial_text, "one two");
    EXPECT_EQ(get(attempt.job).partial_sequence, 2u);
    settle(completed(attempt));
    EXPECT_FALSE(get(attempt.job).partial_text);
}

TEST_P(Settle, ShowsNoPartialOutputOfAnEarlierAttempt) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 1, "one"}}));
    settle(interrupted(attempt));
    EXPECT_FALSE(get(attempt.job).partial_text);
    const auto second = claim(attempt.job);
    ASSERT_TRUE(store_->partial_save(worker_, {{attempt, 9, "late"}}));
    EXPECT_FALSE(get(attempt.job).partial_text);
    ASSERT_TRUE(store_->partial_save(worker_, {{second, 1, "new"}}));
    EXPECT_EQ(get(attempt.job).partial_text, "new");
}

// Callers find the bad row by halving the batch, so a refused statement must have changed nothing.
TEST_P(Settle, InvalidTextIsRefusedAsDataAndChangesNothing) {
    using namespace std::string_literals;
    for (const auto& text : {"a\0b"s, "\xFF"s, "\xED\xA0\xBD"s, "\xC0\x80"s}) {
        const auto good = insert_claimed();
        const auto bad = insert_claimed();
        const auto refused = [](const auto& result) {
            return !result.has_value() && result.error().code == ErrorCode::kDataCorrupt;
        };
        EXPECT_TRUE(refused(store_->partial_save(worker_, {{good, 1, "fine"}, {bad, 1, text}})));
        EXPECT_FALSE(get(good.job).partial_text);
        EXPECT_TRUE(refused(store_->job_settle(worker_, {completed(good), completed(bad, text)})));
        auto said = failed(bad);
        said.settlement.error_message = text;
        EXPECT_TRUE(refused(store_->job_settle(worker_, {completed(good), said})));
        EXPECT_EQ(state(good.job), JobState::kInProgress);
        EXPECT_EQ(settle(completed(good)), JobState::kCompleted);
        EXPECT_EQ(settle(failed(bad)), JobState::kFailed);
    }
}

TEST_P(Settle, KeepsOutputsToTheByte) {
    using namespace std::string_literals;
    for (const auto& output :
         {R"({"b":1.50,"a":12345678901234567890123,"b":"\u0000"})"s, "\"\uFFFE\u202E 😀\""s,
          "\"" + std::string(3'000'000, 'x') + "\"", "[ 1 ,2]"s}) {
        const auto attempt = insert_claimed();
        ASSERT_EQ(settle(completed(attempt, output)), JobState::kCompleted);
        const auto jobs = store_->job_get({attempt.job}, {.output = true}).value();
        EXPECT_TRUE(jobs.front().output_json == output);
    }
}

MILLRACE_STORE_SUITE(Settle);

}  // namespace
}  // namespace millrace::test
