// The rescue against a job that changes hands while its statement runs.
#include <gtest/gtest.h>

#include <future>
#include <pqxx/pqxx>

#include "common/storage/postgres/migrate.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_fixture.h"

namespace millrace::storage {
namespace {

// A job in the hands of worker …a, which is lost. Worker …b is alive. Whoever reads the workers
// waits at a gate: so a statement stands still between its snapshot and its locks.
constexpr const char* kSchema = R"(
    INSERT INTO queues (name) VALUES ('default');
    INSERT INTO workers (id, pid, slots, name, host, queues, models, state) VALUES
        ('00000000-0000-0000-0000-00000000000a', 1, 1, 'a', 'host', '{}', '{}', 4),
        ('00000000-0000-0000-0000-00000000000b', 2, 1, 'b', 'host', '{}', '{}', 1);
    INSERT INTO jobs_open (id, worker_id, epoch, queued_at, started_at, attempt_deadline,
                           timeout_ms, attempts_max, queue_id, priority, state, model)
    VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 1,
            now(), now(), now() + interval '1 h', 1000, 3, 1, 0, 4, 'model');
    ALTER TABLE workers RENAME TO workers_table;
    CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(7, 7);
            RETURN true;
        END $$;
    CREATE VIEW workers AS SELECT * FROM workers_table WHERE gate();
)";

// What the lost worker and the live one may do meanwhile.
constexpr const char* kHandBack =
    "UPDATE jobs_open SET state = 3, worker_id = NULL, attempt_deadline = NULL";
constexpr const char* kClaim =
    "UPDATE jobs_open SET state = 4, epoch = 2, attempt_deadline = now() + interval '1 h',"
    " worker_id = '00000000-0000-0000-0000-00000000000b'";
constexpr const char* kWaiters =
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7 AND objid = 7"
    " AND NOT granted AND database = (SELECT oid FROM pg_database"
    " WHERE datname = current_database())";

class RescueRaceTest : public testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(migrate_up(postgres_.conninfo()).has_value());
        execute(kSchema);
        store_ = postgres_store({.conninfo = postgres_.conninfo()})();
    }

    pqxx::result execute(const char* sql) {
        pqxx::nontransaction work(connection_);
        return work.exec(sql);
    }

    Result<DutyPage> rescue_while(const std::vector<const char*>& changes) {
        execute("SELECT pg_advisory_lock(7, 7)");
        auto page = std::async(std::launch::async,
                               [this] { return store_->keeper_rescue({.losses_max = 1}); });
        EXPECT_TRUE(test::eventually([&] { return execute(kWaiters)[0][0].as<int>() > 0; }));
        for (const auto* change : changes) execute(change);
        execute("SELECT pg_advisory_unlock(7, 7)");
        return page.get();
    }

    test::PostgresFixture postgres_;
    pqxx::connection connection_{postgres_.conninfo()};
    std::unique_ptr<JobStore> store_;
};

TEST_F(RescueRaceTest, TakesTheJobOfALostWorker) {
    const auto page = rescue_while({});
    ASSERT_TRUE(page.has_value()) << page.error().message;
    EXPECT_EQ(page->moved.size(), 1U);
}

TEST_F(RescueRaceTest, LeavesAJobThatALiveWorkerClaimedMeanwhile) {
    const auto page = rescue_while({kHandBack, kClaim});
    ASSERT_TRUE(page.has_value()) << page.error().message;
    EXPECT_TRUE(page->moved.empty());
    const auto rows = execute("SELECT state, epoch, losses FROM jobs_open");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0][0].as<int>(), 4);
    EXPECT_EQ(rows[0][1].as<int>(), 2);
    EXPECT_EQ(rows[0][2].as<int>(), 0);
}

}  // namespace
}  // namespace millrace::storage
