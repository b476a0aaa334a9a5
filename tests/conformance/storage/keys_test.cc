// Keys: client ids, repeated bodies, retries of jobs.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using Scope = IdempotencyKey::Scope;

class Keys : public StoreTest {
 protected:
    NewJob with(IdempotencyKey key) {
        auto job = new_job();
        job.idempotency = std::move(key);
        return job;
    }
    NewJob named(const std::string& client_id) {
        return with({.key = client_id, .scope = Scope::kClientId});
    }
    NewJob first_try(const std::string& hash) {
        return with({.key = hash, .scope = Scope::kBody, .lifetime = 10min, .takes_over = true});
    }
    NewJob sent_again(const std::string& hash) {
        return with({.key = hash, .scope = Scope::kBody, .lifetime = 10min});
    }
    NewJob retry_of(JobId job) {
        auto retry = with({.scope = Scope::kRetry});
        retry.retry_of = job;
        return retry;
    }
    InsertedJob insert_one(const NewJob& job) { return store_->job_insert({job}).value().at(0); }
    JobId insert_failed() {
        const auto key = insert_claimed();
        settle(failed(key));
        return key.job;
    }
    std::vector<JobId> listed(const JobFilter& filter) {
        std::vector<JobId> ids;
        for (const auto& job : store_->job_list(filter, kLookMax).value().jobs)
            ids.push_back(job.id);
        return ids;
    }
};

TEST_P(Keys, FindsAJobByTheIdThatItsClientGaveIt) {
    const auto job = named("order-1");
    insert_one(job);
    EXPECT_THAT(store_->job_find({"order-1", "order-2"}).value(),
                ElementsAre(Pair("order-1", job.id)));
    EXPECT_EQ(get(job.id).client_id, "order-1");
    EXPECT_EQ(get(insert()).client_id, "");
}

TEST_P(Keys, OneTextInTwoScopesIsTwoKeys) {
    EXPECT_FALSE(insert_one(named("x")).replayed);
    EXPECT_FALSE(insert_one(with({.key = "x"})).replayed);
    EXPECT_FALSE(insert_one(sent_again("x")).replayed);
}

TEST_P(Keys, AClientIdLivesAsLongAsItsJob) {
    const auto first = named("order-1");
    insert_one(first);
    settle(completed(claim(first.id)));
    pass(std::chrono::hours(24 * 30));
    EXPECT_EQ(store_->idempotency_purge({}, 1h, 100).value().removed, 0);
    EXPECT_EQ(insert_one(named("order-1")).id, first.id);
}

TEST_P(Keys, ABodyThatIsSentAgainMeansItsFirstJob) {
    const auto first = first_try("hash");
    insert_one(first);
    const auto again = insert_one(sent_again("hash"));
    EXPECT_TRUE(again.replayed);
    EXPECT_FALSE(again.key_reused);
    EXPECT_EQ(again.id, first.id);
}

TEST_P(Keys, ABodyWhoseFirstTryNeverArrivedIsAJob) {
    const auto second = sent_again("hash");
    EXPECT_FALSE(insert_one(second).replayed);
    EXPECT_EQ(insert_one(sent_again("hash")).id, second.id);
}

TEST_P(Keys, TwoFirstTriesAreTwoJobsAndTheNewerIsMeant) {
    const auto older = first_try("hash");
    const auto newer = first_try("hash");
    EXPECT_EQ(insert_one(older).id, older.id);
    EXPECT_EQ(insert_one(newer).id, newer.id);
    EXPECT_EQ(insert_one(sent_again("hash")).id, newer.id);
}

TEST_P(Keys, TwoFirstTriesInOneBatchAreTwoJobs) {
    const std::vector jobs{first_try("hash"), first_try("hash"), sent_again("hash")};
    const auto replies = store_->job_insert(jobs).value();
    ASSERT_THAT(replies, SizeIs(3));
    EXPECT_EQ(replies[0].id, jobs[0].id);
    EXPECT_EQ(replies[1].id, jobs[1].id);
    EXPECT_TRUE(replies[2].replayed);
    EXPECT_THAT(store_->job_get({jobs[0].id, jobs[1].id, jobs[2].id}, {}).value(), SizeIs(2));
}

TEST_P(Keys, ABodyIsNewAfterItsTime) {
    insert_one(first_try("hash"));
    pass(11min);
    EXPECT_FALSE(insert_one(sent_again("hash")).replayed);
}

TEST_P(Keys, AFirstTryThatIsInsertedAgainIsADuplicate) {
    const auto job = first_try("hash");
    insert_one(job);
    const auto again = store_->job_insert({job});
    EXPECT_TRUE(!again || again->at(0).id == job.id);
    EXPECT_THAT(store_->job_list({}, kLookMax).value().jobs, SizeIs(1));
}

TEST_P(Keys, ARetryAndItsJobNameEachOther) {
    const auto old = insert_failed();
    EXPECT_FALSE(get(old).retried_by);
    const auto retry = retry_of(old);
    EXPECT_FALSE(insert_one(retry).replayed);
    EXPECT_EQ(get(retry.id).retry_of, old);
    EXPECT_FALSE(get(retry.id).retried_by);
    EXPECT_EQ(get(retry.id).failures, 0);
    EXPECT_EQ(get(old).retried_by, retry.id);
    EXPECT_EQ(state(old), JobState::kFailed);
}

TEST_P(Keys, AJobIsRetriedOnce) {
    const auto old = insert_failed();
    const std::vector jobs{retry_of(old), retry_of(old)};
    const auto replies = store_->job_insert(jobs).value();
    EXPECT_EQ(replies.at(0).id, jobs[0].id);
    EXPECT_EQ(replies.at(1).id, jobs[0].id);
    const auto again = insert_one(retry_of(old));
    EXPECT_TRUE(again.replayed);
    EXPECT_FALSE(again.key_reused);
    EXPECT_EQ(again.id, jobs[0].id);
}

TEST_P(Keys, ARetryIsRetriedInTurn) {
    const auto old = insert_failed();
    const auto retry = retry_of(old);
    insert_one(retry);
    settle(failed(claim(retry.id)));
    const auto third = retry_of(retry.id);
    EXPECT_EQ(insert_one(third).id, third.id);
    EXPECT_EQ(get(retry.id).retried_by, third.id);
    EXPECT_EQ(get(old).retried_by, retry.id);
}

TEST_P(Keys, ListsJobsThatWereNeverRetried) {
    const auto one = insert_failed();
    const auto two = insert_failed();
    insert_one(retry_of(one));
    const JobFilter filter{.states = {JobState::kFailed}, .never_retried = true};
    EXPECT_THAT(listed(filter), ElementsAre(two));
    EXPECT_EQ(store_->job_count(filter, kLookMax)->matching, 1);
    EXPECT_EQ(store_->job_count({.states = {JobState::kFailed}}, kLookMax)->matching, 2);
}

TEST_P(Keys, ListsAndCountsByErrorCode) {
    const auto job = insert_failed();
    const auto code = get(job).error_code;
    ASSERT_NE(code, "");
    EXPECT_THAT(listed({.error_code = code}), ElementsAre(job));
    EXPECT_THAT(listed({.error_code = "other"}), IsEmpty());
    EXPECT_EQ(store_->job_count({.error_code = code}, kLookMax)->matching, 1);
}

TEST_P(Keys, AttemptsSayWhatTheyCountedAs) {
    const auto job = insert_claimed().job;
    const auto counted = [&] { return get(job).attempts.back().counted_as; };
    settle(interrupted({job, 1}));
    EXPECT_EQ(counted(), CountedAs::kInterruption);
    settle(to_retry(claim(job), 0ms));
    EXPECT_EQ(counted(), CountedAs::kFailure);
    ASSERT_TRUE(store_->keeper_release(10));
    const auto other = add_worker("gpu-2");
    claim(other, job);
    lose(other);
    ASSERT_TRUE(store_->keeper_rescue({}));
    EXPECT_EQ(counted(), CountedAs::kLoss);
}

TEST_P(Keys, LossesOfAMassOutageCountAsInterruptions) {
    const auto other = add_worker("gpu-2");
    const auto job = insert();
    claim(other, job);
    lose(other, true);
    ASSERT_TRUE(store_->keeper_rescue({}));
    EXPECT_EQ(get(job).attempts.back().counted_as, CountedAs::kInterruption);
}

MILLRACE_STORE_SUITE(Keys);

}  // namespace
}  // namespace millrace::test
