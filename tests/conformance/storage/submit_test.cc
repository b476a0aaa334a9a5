// Submitting: what is stored, what is refused, idempotency keys.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Submit : public StoreTest {
 protected:
    NewJob keyed_job(const std::string& key, std::uint8_t fingerprint = 1) {
        auto job = new_job();
        job.idempotency = IdempotencyKey{.key = key, .lifetime = 1h};
        job.idempotency->fingerprint.fill(fingerprint);
        return job;
    }
    InsertedJob insert_one(const NewJob& job) { return store_->job_insert({job}).value().at(0); }
    bool exists(JobId job) { return !store_->job_get({job}, {}).value().empty(); }
};

TEST_P(Submit, StoresAJobAsQueued) {
    const auto job = new_job([](NewJob& j) {
        j.terms.queue = "gpu";
        j.terms.priority = Priority::kHigh;
        j.terms.model = "llama";
        j.metadata_json = R"({"user":"u1"})";
        j.terms.policy.ttl = 1h;
    });
    EXPECT_EQ(insert_one(job).state, JobState::kQueued);
    const auto record = get(job.id);
    EXPECT_EQ(record.state, JobState::kQueued);
    EXPECT_EQ(record.queue, "gpu");
    EXPECT_EQ(record.priority, Priority::kHigh);
    EXPECT_EQ(record.model, "llama");
    EXPECT_EQ(record.input_json, R"({"prompt":"hello"})");
    EXPECT_EQ(record.attempts_max, 3);
    EXPECT_EQ(record.epoch, 0);
    EXPECT_EQ(record.attempt, 0);
    EXPECT_EQ(record.expires_at, record.created_at + 1h);
    EXPECT_EQ(record.queued_at, record.created_at);
    EXPECT_FALSE(record.worker || record.finished_at || record.output_json);
    EXPECT_THAT(record.attempts, IsEmpty());
}

TEST_P(Submit, StoresAJobForLaterAsScheduled) {
    const auto run_at = DbTime(store_->database_time() + 1h);
    const auto job = insert([&](NewJob& j) { j.run_at = run_at; });
    EXPECT_EQ(state(job), JobState::kScheduled);
    EXPECT_EQ(get(job).run_at, run_at);
    EXPECT_FALSE(get(job).queued_at);
}

TEST_P(Submit, CountsAJobsTimeFromItsRunAt) {
    const auto run_at = DbTime(store_->database_time() + 72h);
    const auto job = insert([&](NewJob& j) {
        j.run_at = run_at;
        j.terms.policy.ttl = 24h;
    });
    EXPECT_EQ(get(job).expires_at, run_at + 24h);
    const auto late = insert([&](NewJob& j) {
        j.run_at = DbTime(store_->database_time() - 72h);
        j.terms.policy.ttl = 24h;
    });
    EXPECT_EQ(get(late).expires_at, get(late).created_at + 24h);
}

TEST_P(Submit, StoresAJobOfThePastAsQueued) {
    const auto job = insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() - 1h); });
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_P(Submit, AnswersInTheOrderOfTheBatch) {
    std::vector<NewJob> jobs{new_job(), new_job(), new_job()};
    std::swap(jobs[0], jobs[2]);
    jobs[1].run_at = DbTime(store_->database_time() + 1h);
    const auto replies = store_->job_insert(jobs).value();
    ASSERT_THAT(replies, SizeIs(3));
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(replies[i].id, jobs[i].id);
    EXPECT_EQ(replies[1].state, JobState::kScheduled);
}

TEST_P(Submit, RefusesAnUnknownQueueAndStoresNothing) {
    const auto good = new_job();
    const auto bad = new_job([](NewJob& j) { j.terms.queue = "nowhere"; });
    const auto replies = store_->job_insert({good, bad});
    ASSERT_FALSE(replies);
    EXPECT_EQ(replies.error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(exists(good.id));
}

TEST_P(Submit, SeesAQueueThatAnotherStoreRegistered) {
    const auto other = database_->open();
    ASSERT_TRUE(other->queue_register({"default", "new"}));
    EXPECT_EQ(state(insert([](NewJob& j) { j.terms.queue = "new"; })), JobState::kQueued);
}

TEST_P(Submit, CallsARowThatCannotBeStoredCorruptAndStoresNothing) {
    const auto good = new_job();
    const auto bad = new_job([](NewJob& j) { j.metadata_json = std::string("{\"a\":\"\0\"}", 9); });
    const auto replies = store_->job_insert({good, bad});
    ASSERT_FALSE(replies);
    EXPECT_EQ(replies.error().code, ErrorCode::kDataCorrupt);
    EXPECT_FALSE(exists(good.id));
    EXPECT_TRUE(store_->job_insert({good}));
}

TEST_P(Submit, RefusesAnIdThatExists) {
    const auto job = new_job();
    insert_one(job);
    EXPECT_EQ(store_->job_insert({job}).error().code, ErrorCode::kDataCorrupt);
}

TEST_P(Submit, RefusesAnIdThatIsFinal) {
    const auto job = new_job();
    insert_one(job);
    settle(completed(claim(job.id)));
    EXPECT_EQ(store_->job_insert({job}).error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(state(job.id), JobState::kCompleted);
}

TEST_P(Submit, AnswersAKnownKeyWithTheEarlierJob) {
    const auto first = keyed_job("k");
    EXPECT_FALSE(insert_one(first).replayed);
    claim(first.id);
    const auto second = keyed_job("k");
    const auto reply = insert_one(second);
    EXPECT_TRUE(reply.replayed);
    EXPECT_FALSE(reply.key_reused);
    EXPECT_EQ(reply.id, first.id);
    EXPECT_EQ(reply.state, JobState::kInProgress);
    EXPECT_FALSE(exists(second.id));
}

TEST_P(Submit, SaysWhenAKeyBelongsToAnotherRequest) {
    const auto first = keyed_job("k", 1);
    insert_one(first);
    const auto reply = insert_one(keyed_job("k", 2));
    EXPECT_TRUE(reply.replayed);
    EXPECT_TRUE(reply.key_reused);
    EXPECT_EQ(reply.id, first.id);
}

TEST_P(Submit, MixesKeyedAndOtherJobsInABatch) {
    const auto known = keyed_job("b");
    insert_one(known);
    const std::vector<NewJob> jobs{keyed_job("c"), new_job(), keyed_job("b"), keyed_job("a")};
    const auto replies = store_->job_insert(jobs).value();
    ASSERT_THAT(replies, SizeIs(4));
    EXPECT_EQ(replies[2].id, known.id);
    for (const std::size_t i : {0, 1, 3}) {
        EXPECT_EQ(replies[i].id, jobs[i].id);
        EXPECT_FALSE(replies[i].replayed);
    }
}

TEST_P(Submit, MakesOneJobOfAKeyThatABatchHasTwice) {
    const std::vector<NewJob> jobs{keyed_job("k"), keyed_job("k")};
    const auto replies = store_->job_insert(jobs).value();
    EXPECT_EQ(replies.at(0).id, jobs[0].id);
    EXPECT_EQ(replies.at(1).id, jobs[0].id);
    EXPECT_FALSE(replies[0].replayed);
    EXPECT_TRUE(replies[1].replayed);
}

TEST_P(Submit, ForgetsKeysAfterTheirTime) {
    insert_one(keyed_job("old"));
    pass(2h);
    insert_one(keyed_job("young"));
    EXPECT_EQ(store_->idempotency_purge({}, 24h, 100).value().removed, 1);
    EXPECT_FALSE(insert_one(keyed_job("old")).replayed);
    EXPECT_TRUE(insert_one(keyed_job("young")).replayed);
}

TEST_P(Submit, ForgetsNoMoreKeysThanAPage) {
    for (const auto* key : {"a", "b", "c"}) insert_one(keyed_job(key));
    pass(2h);
    EXPECT_EQ(store_->idempotency_purge({}, 24h, 2).value().removed, 2);
    EXPECT_EQ(store_->idempotency_purge({}, 24h, 2).value().removed, 1);
}

TEST_P(Submit, ProvesThatItCanCommit) {
    EXPECT_TRUE(store_->store_probe());
}

MILLRACE_STORE_SUITE(Submit);

}  // namespace
}  // namespace millrace::test
