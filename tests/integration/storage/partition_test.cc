// Partitions: made ahead and dropped when old, but never with anything that is still needed, and
// never in anybody's way.
#include <gmock/gmock.h>

#include <future>

#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = RotationStep::Kind;

class Partitions : public PostgresTest {
 protected:
    Partitions() : worker_(jobs_->add_worker()) {}

    // Takes one step as of `days` from now: partitions of a day, three ahead, kept for seven.
    std::string step(int days, int page = 100) {
        return value(
            "SET lock_timeout = '50 ms'; SELECT done FROM partition_step(now() + interval '" +
            std::to_string(days) + " d', interval '1 d', 3, interval '7 d', interval '0', " +
            std::to_string(page) + ")");
    }
    // Takes steps until this one was taken, or none is left. Returns whether it was.
    bool step_until(const std::string& wanted, int days, int page = 100) {
        for (auto done = step(days, page); done != "rest"; done = step(days, page)) {
            if (done == wanted) return true;
        }
        return false;
    }
    void rotate(int days, int page = 100) { step_until("nothing", days, page); }
    // Takes steps until old partitions are about to be replaced: their jobs have been copied.
    void copy_survivors(int days) {
        while (
            !holds("EXISTS (SELECT FROM partition_recut WHERE phase = 'swap' "
                   "AND keep_since IS NOT NULL)")) {
            ASSERT_NE(step(days), "rest");
        }
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
    // The neighbours of a table's partitions that do not touch.
    std::string gaps() {
        return value(
            "SELECT count(*) FROM partitions a WHERE state = 'attached' AND upper_at < 'infinity' "
            "AND NOT EXISTS (SELECT FROM partitions b WHERE b.parent = a.parent AND b.state = "
            "'attached' AND b.lower_at = a.upper_at)");
    }

    WorkerId worker_;
};

TEST_F(Partitions, AreThereBeforeTheFirstJob) {
    jobs_->insert();
    EXPECT_EQ(value("SELECT tableoid::regclass::text NOT LIKE '%\\_from\\_%' FROM job_specs"), "t");
}

TEST_F(Partitions, AreCreatedAheadOnce) {
    rotate(2);
    const auto names = value("SELECT string_agg(name, ' ' ORDER BY name) FROM partitions");
    EXPECT_EQ(step(2), "rest");
    EXPECT_EQ(value("SELECT string_agg(name, ' ' ORDER BY name) FROM partitions"), names);
    EXPECT_TRUE(holds("(SELECT max(lower_at) > now() + interval '5 d' FROM partitions)"));
}

TEST_F(Partitions, CoverEveryIdAtEveryMoment) {
    for (int days = 0; days < 20; days += 3) {
        while (step(days) != "rest") EXPECT_EQ(gaps(), "0");
    }
    EXPECT_EQ(rows("partitions WHERE state <> 'attached'"), 0);
    EXPECT_EQ(rows("partitions WHERE lower_at = '-infinity'"), 3);
    EXPECT_EQ(rows("partitions WHERE upper_at = 'infinity'"), 3);
}

// E.g. because nobody made partitions for weeks.
TEST_F(Partitions, TakeOverJobsFromTheLastOne) {
    const auto done = insert_completed();
    const auto bad = insert_failed();
    const auto open = jobs_->insert();
    // All that is today becomes the last partition, as of thirty days ago.
    execute(
        "DO $$ BEGIN PERFORM partition_begin(ARRAY['-infinity', now() - interval '30 d', "
        "'infinity']::timestamptz[], NULL); END $$");
    while (step(-30) != "rest") {
    }
    ASSERT_EQ(value("SELECT tableoid::regclass::text LIKE '%\\_from\\_%' FROM jobs_final LIMIT 1"),
              "t");
    while (step(0, 1) != "rest") {
        for (const auto job : {done, bad, open}) ASSERT_THAT(get(job), SizeIs(1));
    }
    EXPECT_EQ(value("SELECT count(*) FROM job_specs WHERE tableoid::regclass::text LIKE "
                    "'%\\_from\\_%'"),
              "0");
    EXPECT_THAT(get(bad).at(0).attempts, SizeIs(1));
}

// A key without a lifetime stays as long as its job, however old it is.
TEST_F(Partitions, KeysGoAfterTheirJobsAndNotBefore) {
    const auto purge = [this](std::chrono::seconds retention) {
        return store_->idempotency_purge({}, retention, 100).value().removed;
    };
    const auto name = [&](const std::string& client_id) {
        auto job = jobs_->new_job();
        job.idempotency =
            IdempotencyKey{.key = client_id, .scope = IdempotencyKey::Scope::kClientId};
        EXPECT_TRUE(store_->job_insert({job}));
        return job.id;
    };
    const auto gone = name("gone");
    const auto open = name("open");
    ASSERT_TRUE(store_->job_settle(worker_, {failed(jobs_->claim(worker_, gone))}));
    auto retry = jobs_->new_job();
    retry.idempotency = IdempotencyKey{.scope = IdempotencyKey::Scope::kRetry};
    retry.retry_of = gone;
    ASSERT_TRUE(store_->job_insert({retry}));
    execute("UPDATE idempotency_keys SET created_at = created_at - interval '1 h'");
    EXPECT_EQ(purge(30s), 0);
    rotate(9);
    ASSERT_THAT(get(gone), IsEmpty());
    EXPECT_EQ(purge(2h), 0) << "younger than the retention";
    EXPECT_EQ(purge(30s), 1);
    EXPECT_THAT(store_->job_find({"gone", "open"}).value(),
                ElementsAre(testing::Pair("open", open)));
    // The job that it retried is gone; the retry still names it.
    EXPECT_EQ(get(retry.id).at(0).retry_of, gone);
    EXPECT_EQ(rows("idempotency_keys"), 2);
}

// Keys of jobs that outlive the retention stay, however many, and hold up no others behind them.
TEST_F(Partitions, KeysAreLookedAtAPageAtATime) {
    const auto add = [this](const std::string& name, const std::string& job, int age_s) {
        execute(
            "INSERT INTO idempotency_keys (key, fingerprint, job_id, created_at, expires_at) "
            "VALUES ('id " +
            name + "', decode(repeat('00', 32), 'hex'), " + job + ", now() - interval '" +
            std::to_string(age_s) + " s', NULL)");
    };
    for (int i = 0; i < 5; ++i) {
        add("kept" + std::to_string(i), "'" + jobs_->insert().uuid().str() + "'", 1000 - i);
    }
    add("orphan", "gen_random_uuid()", 900);
    KeyCursor at;
    std::vector<int> removed;
    for (bool has_more = true; has_more;) {
        const auto purge = store_->idempotency_purge(at, 30s, 2).value();
        removed.push_back(purge.removed);
        has_more = purge.has_more;
        at = purge.next;
    }
    EXPECT_THAT(removed, ElementsAre(0, 0, 1, 0));
    EXPECT_EQ(at.made_to, 0) << "it starts over";
}

TEST_F(Partitions, AreDroppedWithTheirJobsAfterRetention) {
    const auto job = insert_completed();
    const auto survivor = jobs_->insert();
    rotate(7);
    EXPECT_THAT(get(job), SizeIs(1));
    rotate(9);
    EXPECT_THAT(get(job), IsEmpty());
    const auto kept = get(survivor);
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_EQ(kept[0].input_json, "{}");
    EXPECT_TRUE(store_->job_settle(worker_, {completed(jobs_->claim(worker_, survivor))}));
    EXPECT_EQ(get(survivor).at(0).state, JobState::kCompleted);
}

TEST_F(Partitions, KeepJobsThatBecameFinalRecently) {
    const auto job = insert_failed();
    execute("UPDATE jobs_final SET finished_at = finished_at + interval '5 d'");
    rotate(9);
    ASSERT_THAT(get(job), SizeIs(1));
    EXPECT_THAT(get(job)[0].attempts, SizeIs(1));
    rotate(13);
    EXPECT_THAT(get(job), IsEmpty()) << "until its time is over, too";
    EXPECT_EQ(rows("job_specs"), 0);
    EXPECT_EQ(rows("job_attempts"), 0);
}

TEST_F(Partitions, KeepAnyNumberOfOpenJobs) {
    std::vector<JobId> open;
    for (int i = 0; i < 7; ++i) open.push_back(jobs_->insert());
    insert_completed();
    rotate(9, 2);
    EXPECT_EQ(rows("job_specs"), 7);
    for (const auto job : open) EXPECT_THAT(get(job), SizeIs(1));
}

// Between any two steps a job of an old partition may end, fail, or be read.
TEST_F(Partitions, LoseNothingThatIsWrittenMeanwhile) {
    rotate(8);  // No old partition yet; those ahead are made.
    std::vector<JobId> ended;
    std::vector<JobId> open;
    for (int i = 0; i < 30; ++i) open.push_back(jobs_->insert());
    do {
        if (open.size() > 1) {
            const auto job = open.back();
            open.pop_back();
            const auto attempt = jobs_->claim(worker_, job);
            const bool fails = open.size() % 2 == 0;
            ASSERT_TRUE(
                store_->job_settle(worker_, {fails ? failed(attempt) : completed(attempt)}));
            execute("UPDATE jobs_final SET finished_at = now() + interval '9 d' WHERE id = '" +
                    job.uuid().str() + "'");
            ended.push_back(job);
        }
        for (const auto& jobs : {ended, open}) {
            for (const auto job : jobs) ASSERT_THAT(get(job), SizeIs(1));
        }
    } while (step(9, 10) != "rest");
    EXPECT_EQ(rows("partitions WHERE lower_at > '-infinity' AND upper_at < now() + interval '2 d'"),
              0);
    EXPECT_THAT(ended, Not(IsEmpty()));
    int attempts = 0;
    for (const auto job : ended) attempts += get(job).at(0).state == JobState::kFailed ? 1 : 0;
    EXPECT_EQ(rows("job_attempts"), attempts);
}

// A transaction that is under way while a recut begins must be waited for: its rows would be
// missed.
TEST_F(Partitions, WaitForAWriterOfAnOldOne) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    while (
        !holds("(SELECT keep_since IS NOT NULL FROM partition_next(now() + interval '9 d', "
               "'1 d', 3, '7 d', '0'))")) {
        ASSERT_NE(step(9), "rest");
    }
    auto other = connect();
    pqxx::work writer(other);
    writer.exec(
        "WITH held AS (DELETE FROM jobs_open RETURNING *) INSERT INTO jobs_final (id, epoch, "
        "created_at, finished_at, attempt, failures, interruptions, attempts_max, queue_id, "
        "priority, state, model) SELECT id, epoch, created_at, now() + interval '9 d', attempt, "
        "failures, interruptions, attempts_max, queue_id, priority, 8, model FROM held");
    EXPECT_EQ(step(9), "busy");
    writer.commit();
    rotate(9);
    EXPECT_EQ(state(attempt.job), JobState::kCancelled);
}

// A dump or a long query holds up the rotation, and the rotation nobody.
TEST_F(Partitions, StandInNobodysWayWhileALongTransactionReads) {
    insert_completed();
    copy_survivors(9);
    auto other = connect();
    pqxx::work reader(other);
    reader.exec("SELECT count(*) FROM jobs_final");
    EXPECT_TRUE(holds("partition_is_held('jobs_final')"));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(store_->partition_rotate({.settle_time = 0ms}).value().kind, Kind::kBusy);
    }
    EXPECT_EQ(step(9), "busy") << "a lock is not waited for either, but for a moment";
    insert_completed();
    reader.commit();
    EXPECT_EQ(store_->partition_rotate({.settle_time = 0ms}).value().kind, Kind::kDone);
    EXPECT_TRUE(step_until("drop", 9));
}

// A reader that comes while a swap is under way waits for it, and finds what it looks for.
TEST_F(Partitions, ShowASurvivorToWhoWaitsForASwap) {
    const auto survivor = jobs_->insert();
    const auto job = insert_failed();
    execute("UPDATE jobs_final SET finished_at = finished_at + interval '9 d'");
    ASSERT_THAT(get(job), SizeIs(1));  // Prepares the statement.
    copy_survivors(9);
    auto other = connect();
    for (const auto* parent : {"jobs_final", "job_attempts", "job_specs"}) {
        pqxx::work swap(other);
        swap.exec("SELECT partition_swap('" + std::string(parent) + "')");
        auto found = std::async(std::launch::async, [&] {
            return store_->job_get({job, survivor}, {true, true, true, true}).value();
        });
        wait_for_a_waiter();
        swap.commit();
        EXPECT_THAT(found.get(), SizeIs(2)) << parent;
        EXPECT_THAT(get(job).at(0).attempts, SizeIs(1));
    }
}

// A store takes whatever step comes next, also after one that was interrupted: each commits whole.
TEST_F(Partitions, AreRotatedByAnyStoreFromWhereTheLastOneStopped) {
    const PartitionPolicy ahead{.premake = 9, .settle_time = 0ms};
    ASSERT_EQ(store_->partition_rotate(ahead).value().kind, Kind::kDone);
    auto other = postgres_store(options())();
    auto kind = Kind::kDone;
    for (int i = 0; i < 20 && kind == Kind::kDone; ++i) {
        terminate_stores();
        kind = other->partition_rotate(ahead).value().kind;
    }
    EXPECT_EQ(kind, Kind::kRest);
    EXPECT_EQ(rows("partitions WHERE state <> 'attached'"), 0);
    EXPECT_EQ(gaps(), "0");
}

TEST_F(Partitions, CopiesLieForAWhileBeforeASwap) {
    jobs_->insert();
    execute(
        "DO $$ BEGIN PERFORM partition_begin(ARRAY['-infinity', now() + interval '1 d', "
        "'infinity']::timestamptz[], NULL); END $$");
    EXPECT_EQ(store_->partition_rotate({}).value().kind, Kind::kDone);
    EXPECT_EQ(store_->partition_rotate({}).value().kind, Kind::kBusy);
    execute("UPDATE partition_recut SET copied_at = copied_at - interval '1 h'");
    EXPECT_EQ(store_->partition_rotate({}).value().kind, Kind::kDone);
}

TEST_F(Partitions, AreRotatedByOneAtATime) {
    const PartitionPolicy ahead{.premake = 9};
    auto connection = connect();
    pqxx::work work(connection);
    work.exec("SELECT pg_advisory_xact_lock(7723401, 5)");
    EXPECT_EQ(store_->partition_rotate(ahead).value().kind, Kind::kRest);
    work.abort();
    EXPECT_EQ(store_->partition_rotate(ahead).value().kind, Kind::kDone);
}

}  // namespace
}  // namespace millrace::test
