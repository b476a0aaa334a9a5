// Partitions: made ahead and dropped when old, but never with anything that is still needed.
#include <gmock/gmock.h>

#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Partitions : public PostgresTest {
 protected:
    Partitions() : worker_(jobs_->add_worker()) {}

    // Runs one round as of `seconds` from now: partitions of 10 s, two ahead, kept for 30 s.
    // Returns the numbers made, dropped, purged, too full, and in DEFAULT.
    std::vector<int> rotate(int seconds, int page = 100) {
        const auto row =
            execute("SELECT * FROM partition_rotate(now() + interval '" + std::to_string(seconds) +
                    " s', interval '10 s', 2, interval '30 s', " + std::to_string(page) + ")")[0];
        std::vector<int> numbers;
        for (const auto& field : row) numbers.push_back(field.as<int>());
        return numbers;
    }
    int rows(const std::string& table) { return std::stoi(value("SELECT count(*) FROM " + table)); }
    JobId insert_completed() {
        const auto job = jobs_->insert();
        EXPECT_TRUE(store_->job_settle(worker_, {completed(jobs_->claim(worker_, job))}));
        return job;
    }
    JobId insert_failed() {
        const auto job = jobs_->insert();
        EXPECT_TRUE(store_->job_settle(worker_, {failed(jobs_->claim(worker_, job))}));
        return job;
    }
    std::vector<JobRecord> get(JobId job) {
        return store_->job_get({job}, {true, true, true, true}).value();
    }

    WorkerId worker_;
};

TEST_F(Partitions, AreCreatedAheadOnce) {
    EXPECT_THAT(rotate(0), ElementsAre(3, 0, 0, 0, 0));
    EXPECT_THAT(rotate(0)[0], 0);
    EXPECT_EQ(rows("partitions"), 3);
}

TEST_F(Partitions, FollowEachOtherWithoutAGap) {
    for (int now = 0; now < 60; now += 5) rotate(now);
    EXPECT_EQ(value("SELECT count(*) FROM partitions a WHERE NOT EXISTS "
                    "(SELECT FROM partitions b WHERE b.lower_at = a.upper_at)"),
              "1")
        << "only the last has no successor";
}

TEST_F(Partitions, TakeOverJobsFromTheDefaultPartition) {
    const auto done = insert_completed();
    const auto bad = insert_failed();
    const auto open = jobs_->insert();
    EXPECT_EQ(rows("job_specs_default"), 3);
    rotate(0);
    EXPECT_EQ(rows("job_specs_default"), 0);
    EXPECT_EQ(rows("jobs_final_default"), 0);
    EXPECT_EQ(rows("job_attempts_default"), 0);
    for (const auto job : {done, bad, open}) EXPECT_THAT(get(job), SizeIs(1));
    EXPECT_THAT(get(bad).at(0).attempts, SizeIs(1));
}

// A key without a lifetime stays as long as its job, however old it is.
TEST_F(Partitions, KeysGoAfterTheirJobsAndNotBefore) {
    const auto name = [&](const std::string& client_id) {
        auto job = jobs_->new_job();
        job.idempotency =
            IdempotencyKey{.key = client_id, .scope = IdempotencyKey::Scope::kClientId};
        EXPECT_TRUE(store_->job_insert({job}));
        return job.id;
    };
    rotate(0);
    const auto gone = name("gone");
    const auto open = name("open");
    ASSERT_TRUE(store_->job_settle(worker_, {failed(jobs_->claim(worker_, gone))}));
    auto retry = jobs_->new_job();
    retry.idempotency = IdempotencyKey{.scope = IdempotencyKey::Scope::kRetry};
    retry.retry_of = gone;
    ASSERT_TRUE(store_->job_insert({retry}));
    execute("UPDATE jobs_final SET finished_at = finished_at - interval '1 h'");
    execute("UPDATE idempotency_keys SET created_at = created_at - interval '1 h'");
    EXPECT_EQ(store_->idempotency_purge(30s, 100).value(), 0);
    rotate(60);
    ASSERT_THAT(get(gone), IsEmpty());
    EXPECT_EQ(store_->idempotency_purge(2h, 100).value(), 0) << "younger than the retention";
    EXPECT_EQ(store_->idempotency_purge(30s, 100).value(), 1);
    EXPECT_THAT(store_->job_find({"gone", "open"}).value(),
                ElementsAre(testing::Pair("open", open)));
    // The job that it retried is gone; the retry still names it.
    EXPECT_EQ(get(retry.id).at(0).retry_of, gone);
    EXPECT_EQ(rows("idempotency_keys"), 2);
}

TEST_F(Partitions, AreDroppedWithTheirJobsAfterRetention) {
    rotate(0);
    const auto job = insert_completed();
    const auto survivor = jobs_->insert();
    EXPECT_THAT(rotate(20)[1], 0);
    execute("UPDATE jobs_final SET finished_at = finished_at - interval '1 h'");
    EXPECT_GE(rotate(60)[1], 1);
    EXPECT_THAT(get(job), IsEmpty());
    const auto kept = get(survivor);
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_EQ(kept[0].input_json, "{}");
    EXPECT_TRUE(store_->job_settle(worker_, {completed(jobs_->claim(worker_, survivor))}));
    EXPECT_EQ(get(survivor).at(0).state, JobState::kCompleted);
}

TEST_F(Partitions, KeepJobsThatBecameFinalRecently) {
    rotate(0);
    const auto job = insert_failed();
    execute("UPDATE jobs_final SET finished_at = finished_at + interval '50 s'");
    const auto round = rotate(60);
    EXPECT_GE(round[1], 1);
    EXPECT_EQ(round[4], 1) << "it lives on in DEFAULT";
    ASSERT_THAT(get(job), SizeIs(1));
    EXPECT_THAT(get(job)[0].attempts, SizeIs(1));
    EXPECT_EQ(rotate(120)[2], 1) << "until its time is over, too";
    EXPECT_THAT(get(job), IsEmpty());
    EXPECT_EQ(rows("job_specs"), 0);
    EXPECT_EQ(rows("job_attempts"), 0);
}

TEST_F(Partitions, StayIfTheyAreFullOfUnfinishedJobs) {
    rotate(0);
    for (int i = 0; i < 3; ++i) jobs_->insert();
    const auto round = rotate(60, 2);
    EXPECT_GE(round[3], 1);
    EXPECT_EQ(rows("job_specs_default"), 0);
    EXPECT_EQ(rotate(60, 3)[3], 0);
    EXPECT_EQ(rows("job_specs_default"), 3);
}

TEST_F(Partitions, AreRotatedByOneAtATime) {
    auto connection = connect();
    pqxx::work work(connection);
    work.exec("SELECT pg_advisory_xact_lock(7723401, 5)");
    EXPECT_EQ(store_->partition_rotate({}).value(), 0);
    work.abort();
    EXPECT_GT(store_->partition_rotate({}).value(), 0);
    EXPECT_EQ(store_->partition_rotate({}).value(), 0);
}

}  // namespace
}  // namespace millrace::test
