// The schema: up, down and up again, and which programs refuse which version.
#include "common/storage/postgres/migrate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <regex>
#include <set>
#include <sstream>

#include "common/process/child_process.h"
#include "common/process/program.h"
#include "common/storage/postgres/statements.h"
#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Migrations : public testing::Test {
 protected:
    std::string conninfo() const { return postgres_.conninfo(); }
    Status check() const { return check_schema({.conninfo = conninfo()}); }

    PostgresFixture postgres_;
};

// Returns pg_dump's text without what differs between its runs.
std::string dump(const std::string& conninfo) {
    const std::filesystem::path folders[] = {"/usr/lib/postgresql/15/bin"};
    const auto program = process::find_program("pg_dump", folders).value();
    std::istringstream lines(
        process::run_to_end({.argv = {program.string(), "--schema-only", "--dbname", conninfo}},
                            60s)
            .value());
    std::string schema;
    for (std::string line; std::getline(lines, line);) {
        // A random word follows "\\restrict".
        if (!line.starts_with("--") && !line.starts_with("\\")) schema += line + "\n";
    }
    return schema;
}

TEST_F(Migrations, GoUpAndDownAndUpAgain) {
    const auto steps = migration_status(conninfo()).value();
    const auto nothing = dump(conninfo());
    const auto up = migrate_up(conninfo()).value();
    EXPECT_THAT(up.steps, SizeIs(steps.size()));
    EXPECT_EQ(up.version, static_cast<int>(steps.size()));
    const auto schema = dump(conninfo());
    const auto down = migrate_down(conninfo(), static_cast<int>(steps.size())).value();
    EXPECT_THAT(down.steps, SizeIs(steps.size()));
    EXPECT_EQ(down.version, 0);
    EXPECT_EQ(dump(conninfo()), nothing) << "only schema_migrations stays";
    EXPECT_EQ(migrate_up(conninfo()).value().version, static_cast<int>(steps.size()));
    EXPECT_EQ(dump(conninfo()), schema);
}

// Debian makes such clusters if the locale is C or POSIX.
TEST_F(Migrations, RefuseADatabaseThatCannotHoldAllText) {
    const auto other = postgres_.database() + "_ascii";
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    work.exec("CREATE DATABASE " + other +
              " ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const auto there = conninfo() + " dbname=" + other;  // The later of two values counts.
    const auto refused = migrate_up(there);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("SQL_ASCII, and Millrace needs UTF8"));
    EXPECT_THAT(check_schema({.conninfo = there}).error().message, HasSubstr("SQL_ASCII"));
    work.exec("DROP DATABASE " + other);
}

TEST_F(Migrations, GoStepByStep) {
    migrate_up(conninfo()).value();
    const auto total = static_cast<int>(migration_status(conninfo()).value().size());
    for (int left = total - 1; left >= 0; --left) {
        EXPECT_EQ(migrate_down(conninfo(), 1).value().version, left);
        for (const auto& step : migration_status(conninfo()).value()) {
            EXPECT_EQ(step.applied, step.version <= left) << step.name;
        }
    }
    EXPECT_THAT(migrate_down(conninfo(), 1).value().steps, IsEmpty());
}

TEST_F(Migrations, DoNothingTheSecondTime) {
    migrate_up(conninfo()).value();
    EXPECT_THAT(migrate_up(conninfo()).value().steps, IsEmpty());
}

TEST_F(Migrations, NameTheStepThatFailedAndThoseBeforeIt) {
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    work.exec("CREATE TABLE jobs_open (id int)");
    const auto up = migrate_up(conninfo());
    ASSERT_FALSE(up.has_value());
    EXPECT_THAT(up.error().message, HasSubstr("step 0002_create_jobs failed (applied before it: "
                                              "0001_create_queues_and_workers): "));
    EXPECT_THAT(up.error().message, HasSubstr("\"jobs_open\" already exists"));
    const auto again = migrate_up(conninfo());
    EXPECT_THAT(again.error().message, HasSubstr("(no step was applied before)"));
    work.exec("DROP TABLE jobs_open");
    EXPECT_TRUE(migrate_up(conninfo()).has_value());
}

TEST_F(Migrations, TakeTurnsWhenManyStartAtOnce) {
    std::vector<std::future<Result<MigrationReport>>> reports;
    for (int i = 0; i < 4; ++i) {
        reports.push_back(
            std::async(std::launch::async, [this] { return migrate_up(conninfo()); }));
    }
    std::size_t applied = 0;
    for (auto& report : reports) applied += report.get().value().steps.size();
    EXPECT_EQ(applied, migration_status(conninfo()).value().size());
}

TEST_F(Migrations, AreCheckedByProgramsOfAnotherTime) {
    EXPECT_EQ(check().error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(check().error().message, HasSubstr("millrace migrate"));
    migrate_up(conninfo()).value();
    EXPECT_TRUE(check());
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    work.exec("INSERT INTO schema_migrations VALUES (9999, 'future')");
    EXPECT_EQ(check().error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(check().error().message, HasSubstr("upgrade"));
}

// A program goes on, and starts, while the migrations of the next version are applied.
TEST_F(Migrations, NewerOnesAreAcceptedIfTheySayThatOldProgramsGoOnWorking) {
    const int ours = migrate_up(conninfo()).value().version;
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    const auto add = [&](int version, int works_from) {
        work.exec(fmt::format("INSERT INTO schema_migrations VALUES ({}, 'future', now(), {})",
                              version, works_from));
    };
    add(9998, ours);
    EXPECT_TRUE(check());
    add(9999, ours - 1);
    EXPECT_TRUE(check());
    add(9997, ours + 1);
    EXPECT_THAT(check().error().message, HasSubstr("upgrade"));
}

// A program of the next version starts before its migrations are applied, if it can do without.
TEST_F(Migrations, MissingOnesAreAcceptedIfNewProgramsCanDoWithoutThem) {
    migrate_up(conninfo()).value();
    ASSERT_EQ(migrate_down(conninfo(), 1).value().version, 11);
    EXPECT_TRUE(check());
    // What it cannot do then is this, and the rest is prepared as ever.
    const std::set<std::string_view> waits = {"partition_next", "partition_step"};
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    for (const auto& [name, text] : statements()) {
        if (waits.contains(name)) continue;
        EXPECT_NO_THROW(work.exec(fmt::format("PREPARE \"{}\" AS {}", name, text))) << name;
    }
    ASSERT_EQ(migrate_down(conninfo(), 1).value().version, 10);
    EXPECT_THAT(check().error().message, HasSubstr("millrace migrate"));
}

TEST_F(Migrations, OfBeforeThereWasAContractWorkWithNoOtherPrograms) {
    migrate_up(conninfo()).value();
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    work.exec("ALTER TABLE schema_migrations DROP COLUMN works_from");
    EXPECT_TRUE(check());
    work.exec("INSERT INTO schema_migrations VALUES (9999, 'future')");
    EXPECT_FALSE(check());
    EXPECT_TRUE(migrate_up(conninfo()));
}

// The keeper of a gateway that is older than 0012.
TEST_F(Migrations, LetOldKeepersRotateNothing) {
    migrate_up(conninfo()).value();
    pqxx::connection connection(conninfo());
    const auto row = pqxx::nontransaction(connection)
                         .exec1(
                             "SELECT made, dropped, purged, too_full, in_default FROM "
                             "partition_rotate(now(), 24::int4 * interval '1 hour', 3::int4, "
                             "168::int4 * interval '1 hour', 10000::int4)");
    for (const auto& number : row) EXPECT_EQ(number.as<int>(), 0);
}

// Rows of DEFAULT partitions, old days and days to come find their places.
TEST_F(Migrations, KeepRowsOfAllPartitionsOnTheWayUpAndDown) {
    migrate_up(conninfo()).value();
    migrate_down(conninfo(), 1).value();
    pqxx::connection connection(conninfo());
    pqxx::nontransaction work(connection);
    const auto insert = [&](const char* from) {
        work.exec(
            fmt::format("INSERT INTO job_specs (id, spec) SELECT uuid_floor(now() + {} + n * "
                        "interval '1 s'), '' FROM generate_series(1, 10) n",
                        from));
    };
    const auto count = [&] { return work.exec1("SELECT count(*) FROM job_specs")[0].as<int>(); };
    work.exec("TRUNCATE job_specs");
    insert("interval '-30 d'");
    insert("interval '0'");
    insert("interval '30 d'");
    migrate_up(conninfo()).value();
    EXPECT_EQ(count(), 30);
    // In the middle of a recut, too.
    work.exec("SELECT partition_step(now() + interval '9 d', '1 d', 3, '7 d', '0', 100)");
    work.exec("SELECT partition_step(now() + interval '9 d', '1 d', 3, '7 d', '0', 3)");
    migrate_down(conninfo(), 1).value();
    EXPECT_EQ(count(), 30);
    migrate_up(conninfo()).value();
    EXPECT_EQ(count(), 30);
}

// An old gateway does not know that usage may be null, and reads it as a number.
TEST_F(Migrations, LeaveZeroUsageForJobsThatAnOldGatewayEnds) {
    migrate_up(conninfo()).value();
    pqxx::connection connection(conninfo());
    const auto row = pqxx::nontransaction(connection)
                         .exec1(
                             "SELECT string_agg(column_default, ' ') "
                             "FROM information_schema.columns WHERE table_name = 'jobs_final' "
                             "AND column_name IN ('prompt_tokens', 'completion_tokens')");
    EXPECT_STREQ(row[0].c_str(), "0 0");
}

TEST_F(Migrations, ComeInPairsWithAHeader) {
    for (const auto& [name, text] : migration_files()) {
        EXPECT_TRUE(text.starts_with("-- ")) << name;
        const auto version = std::stoi(std::string(name.substr(0, 4)));
        if (name.ends_with(".up.sql")) {
            // What programs of other times go by (docs/upgrades.md).
            const std::string head(text);
            std::smatch works_from;
            ASSERT_TRUE(
                std::regex_search(head, works_from, std::regex(R"(Programs:  from (\d+))")));
            EXPECT_LE(std::stoi(works_from[1]), version) << name;
        }
        const auto stem = std::string(name.substr(0, name.find('.')));
        for (const auto* ending : {".up.sql", ".down.sql"}) {
            const bool exists = std::ranges::any_of(
                migration_files(), [&](const auto& file) { return file.name == stem + ending; });
            EXPECT_TRUE(exists) << stem << ending;
        }
    }
}

}  // namespace
}  // namespace millrace::test
