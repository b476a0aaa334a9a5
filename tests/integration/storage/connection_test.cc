// Connections that die, servers that stop, transient errors: what the caller of a store gets, and
// that the next call works.
#include <cstdlib>
#include <future>

#include "common/storage/postgres/migrate.h"
#include "tests/integration/storage/postgres_test.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

class Connection : public PostgresTest {
 protected:
    // A job's row, locked by another connection.
    class LockedRow {
     public:
        LockedRow(const std::string& conninfo, JobId job)
            : connection_(conninfo), work_(connection_) {
            work_.exec("SELECT FROM jobs_open WHERE id = '" + job.uuid().str() + "' FOR UPDATE");
        }

     private:
        pqxx::connection connection_;
        pqxx::work work_;
    };

    // Makes a call that waits for the job's row, and cuts its connection meanwhile.
    template <class Call>
    auto cut_off(JobId job, Call call) {
        const LockedRow locked(postgres_.conninfo(), job);
        auto answer = std::async(std::launch::async, call);
        wait_for_a_waiter();
        terminate_stores();
        return answer.get();
    }

    // Makes every change of an open job run `body` (PL/pgSQL).
    void add_trigger(const std::string& kind, const std::string& body) {
        execute("CREATE SEQUENCE calls");
        execute("CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
                "; RETURN NEW; END $$");
        execute("CREATE " + kind + " FOR EACH ROW EXECUTE FUNCTION interfere()");
    }
};

// Text in another encoding would come back unchanged, but would mean something else to every client
// with another environment.
TEST_F(Connection, SpeaksUtf8WhateverTheEnvironmentSays) {
    ASSERT_EQ(::setenv("PGCLIENTENCODING", "LATIN1", 1), 0);
    const auto theirs = postgres_store(options())();
    JobMaker jobs(*theirs);
    const auto worker = jobs.add_worker();
    ::unsetenv("PGCLIENTENCODING");
    const auto attempt = jobs.claim(worker, jobs.insert());
    auto settled = completed(attempt);
    settled.outcome.output_json = "\"größer 日本\"";
    ASSERT_TRUE(theirs->job_settle(worker, {settled}));
    EXPECT_EQ(store_->job_get({attempt.job}, {.output = true}).value().at(0).output_json,
              settled.outcome.output_json);
}

TEST_F(Connection, IsReplacedUnseenIfItDiedWhileIdle) {
    for (int i = 0; i < 3; ++i) {
        terminate_stores();
        const auto inserted = store_->job_insert({jobs_->new_job()});
        EXPECT_TRUE(inserted) << to_string(inserted.error());
    }
}

TEST_F(Connection, ALossInAStatementLeavesItInDoubt) {
    const auto worker = jobs_->add_worker();
    const auto job = jobs_->insert();
    const auto claims = cut_off(job, [&] { return store_->job_claim(worker, {job}); });
    EXPECT_EQ(claims.error().code, ErrorCode::kOutcomeUnknown);
    EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_TRUE(store_->job_claim(worker, {job}));
}

TEST_F(Connection, ALossBeforeTheCommitChangesNothing) {
    const auto job = jobs_->insert();
    const auto cancelled = cut_off(job, [&] { return store_->job_cancel({job}); });
    EXPECT_EQ(cancelled.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_TRUE(store_->job_cancel({job}));
}

TEST_F(Connection, ALossAtTheCommitLeavesItInDoubt) {
    const auto job = jobs_->insert();
    add_trigger(
        "CONSTRAINT TRIGGER at_commit AFTER DELETE ON jobs_open DEFERRABLE INITIALLY DEFERRED",
        "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10)");
    EXPECT_EQ(store_->job_cancel({job}).error().code, ErrorCode::kOutcomeUnknown);
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(Connection, SurvivesADeadlockByRepeatingTheCall) {
    const auto worker = jobs_->add_worker();
    const auto job = jobs_->insert();
    add_trigger("TRIGGER once BEFORE UPDATE ON jobs_open",
                "IF nextval('calls') = 1 THEN RAISE 'no' USING ERRCODE = '40P01'; END IF");
    EXPECT_EQ(store_->job_claim(worker, {job}).value().size(), 1u);
}

TEST_F(Connection, GivesUpOnSerializationFailuresThatStay) {
    const auto worker = jobs_->add_worker();
    const auto job = jobs_->insert();
    add_trigger("TRIGGER always BEFORE UPDATE ON jobs_open", "RAISE 'no' USING ERRCODE = '40001'");
    EXPECT_EQ(store_->job_claim(worker, {job}).error().code, ErrorCode::kUnavailable);
}

TEST_F(Connection, WaitsForALockForABoundedTime) {
    const auto job = jobs_->insert();
    auto impatient = options();
    impatient.statement_timeout = 200ms;
    const auto store = postgres_store(impatient)();
    LockedRow locked(postgres_.conninfo(), job);
    EXPECT_EQ(store->job_cancel({job}).error().code, ErrorCode::kUnavailable);
}

TEST_F(Connection, AReadOnlyServerCountsAsUnavailable) {
    execute("ALTER DATABASE " + postgres_.database() + " SET default_transaction_read_only = on");
    terminate_stores();
    EXPECT_EQ(store_->store_probe().error().code, ErrorCode::kUnavailable);
    pqxx::connection writer(postgres_.conninfo() +
                            " options='-c default_transaction_read_only=off'");
    pqxx::nontransaction(writer).exec("ALTER DATABASE " + postgres_.database() +
                                      " RESET default_transaction_read_only");
    EXPECT_TRUE(eventually([&] { return store_->store_probe().has_value(); }));
}

// One row that cannot be read would stop a worker from claiming all others.
TEST_F(Connection, ASpecThatCannotBeReadIsLeftOut) {
    const auto bad = jobs_->insert();
    const auto good = jobs_->insert();
    execute("UPDATE job_specs SET spec = '\\xff' WHERE id = '" + bad.uuid().str() + "'");
    const auto specs = store_->job_specs({bad, good}).value();
    ASSERT_EQ(specs.size(), 1U);
    EXPECT_EQ(specs[0].first, good);
}

TEST_F(Connection, RecognisesDataThatCannotBeStored) {
    const auto worker = jobs_->add_worker();
    const auto good = jobs_->claim(worker, jobs_->insert());
    auto bad = completed(jobs_->claim(worker, jobs_->insert()));
    bad.outcome.output_json = "\xff";
    const auto replies = store_->job_settle(worker, {completed(good), bad});
    EXPECT_EQ(replies.error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(state(good.job), JobState::kInProgress) << "all or nothing";
    EXPECT_TRUE(store_->job_settle(worker, {completed(good)}));
}

TEST_F(Connection, QuotesNoDataInErrors) {
    auto job = jobs_->new_job();
    job.metadata_json = R"({"secret": oops})";
    const auto inserted = store_->job_insert({job});
    EXPECT_EQ(inserted.error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(inserted.error().message.find("oops"), std::string::npos) << inserted.error().message;
}

// The keeper must know of the step before it sweeps anything by the age of rows.
TEST_F(Connection, SeesAStepOfPostgresClockWithTheWorkersPulses) {
    execute(R"(
        CREATE TABLE step AS SELECT interval '0' AS by;
        CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
            'SELECT pg_catalog.clock_timestamp() + by FROM public.step')");
    auto stepped = options();
    stepped.conninfo += " options='-c search_path=public,pg_catalog'";
    const auto store = postgres_store(stepped)();
    ASSERT_TRUE(store->worker_pulses());
    const auto before = store->database_time();
    execute("UPDATE step SET by = '1 hour'");
    ASSERT_TRUE(store->worker_pulses());
    EXPECT_GE(store->database_time() - before, 1h);
}

TEST_F(Connection, IsNotNeededBeforeTheFirstCall) {
    const auto store = postgres_store({.conninfo = "host=/nowhere"})();
    EXPECT_EQ(store->database_time(), 0ms);
    EXPECT_EQ(store->store_probe().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(store->worker_pulses().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(check_schema({.conninfo = "host=/nowhere"}).error().code, ErrorCode::kUnavailable);
}

class Server : public testing::Test {
 protected:
    Server() : store_((migrate_up(server_.conninfo()).value(), postgres_store(options())())) {}

    PostgresOptions options() const { return {.conninfo = server_.conninfo()}; }

    PostgresServerFixture server_;
    std::unique_ptr<JobStore> store_;
    JobMaker jobs_{*store_};
};

TEST_F(Server, IsFoundAgainWithItsJobsAfterARestart) {
    const auto job = jobs_.insert();
    server_.server().stop();
    EXPECT_EQ(store_->job_get({job}, {}).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(store_->job_cancel({job}).error().code, ErrorCode::kUnavailable);
    ASSERT_TRUE(server_.server().restart());
    EXPECT_TRUE(eventually([&] { return store_->job_get({job}, {}).has_value(); }));
    EXPECT_EQ(store_->job_get({job}, {}).value().size(), 1u);
}

TEST_F(Server, ACrashInAWriteLeavesItInDoubt) {
    const auto worker = jobs_.add_worker();
    const auto job = jobs_.insert();
    pqxx::connection other(server_.conninfo());
    pqxx::work blocker(other);
    blocker.exec("SELECT FROM jobs_open FOR UPDATE");
    auto claims = std::async([&] { return store_->job_claim(worker, {job}); });
    EXPECT_TRUE(eventually([&] {
        pqxx::connection watcher(server_.conninfo());
        pqxx::nontransaction transaction(watcher);
        return transaction.exec("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                   .size() == 1;
    }));
    server_.server().kill();
    EXPECT_EQ(claims.get().error().code, ErrorCode::kOutcomeUnknown);
    ASSERT_TRUE(server_.server().restart());
    EXPECT_TRUE(eventually([&] { return store_->job_claim(worker, {job}).has_value(); }));
}

}  // namespace
}  // namespace millrace::test
