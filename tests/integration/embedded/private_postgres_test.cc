#include "common/embedded/private_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/eventually.h"
#include "tests/support/postgres_fixture.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using test::PostgresServerFixture;
using testing::HasSubstr;

// What psql prints for a statement, without the last line's end.
std::string query(const std::string& conninfo, const std::string& sql) {
    auto output = process::run_to_end({.argv = {"psql", conninfo, "-XAtqc", sql}},
                                      std::chrono::milliseconds(30'000));
    if (!output.has_value()) return to_string(output.error());
    if (!output->empty()) output->pop_back();
    return *output;
}

TEST(PrivatePostgres, IsReadyWhenStarted) {
    PostgresServerFixture postgres;
    EXPECT_TRUE(postgres.server().running());
    EXPECT_EQ(query(postgres.conninfo(), "SELECT current_database()"), "millrace");
    EXPECT_EQ(query(postgres.conninfo(), "SHOW fsync"), "on");
    EXPECT_EQ(query(postgres.conninfo(), "SHOW listen_addresses"), "");
}

TEST(PrivatePostgres, KeepsDataOverStopAndRestart) {
    PostgresServerFixture postgres;
    query(postgres.conninfo(), "CREATE TABLE t AS SELECT 42 AS answer");
    postgres.server().stop();
    EXPECT_FALSE(postgres.server().running());
    postgres.server().stop();
    ASSERT_TRUE(postgres.server().restart().has_value());
    EXPECT_EQ(query(postgres.conninfo(), "SELECT answer FROM t"), "42");
}

TEST(PrivatePostgres, KeepsDataOverAKill) {
    PostgresServerFixture postgres;
    query(postgres.conninfo(), "CREATE TABLE t AS SELECT 42 AS answer");
    postgres.server().kill();
    EXPECT_FALSE(postgres.server().running());
    ASSERT_TRUE(postgres.server().restart().has_value());
    EXPECT_EQ(query(postgres.conninfo(), "SELECT answer FROM t"), "42");
}

TEST(PrivatePostgres, AnotherObjectTakesUpTheDirectory) {
    PostgresServerFixture postgres;
    const PostgresOptions options{.data_dir = query(postgres.conninfo(), "SHOW data_directory")};
    query(postgres.conninfo(), "CREATE TABLE t AS SELECT 42 AS answer");
    postgres.server().kill();
    const auto second = PrivatePostgres::start(options).value();
    EXPECT_EQ(query(second->conninfo(), "SELECT answer FROM t"), "42");
}

TEST(PrivatePostgres, StartsDespiteALockFileWhoseProcessIdIsSomebodyElses) {
    PostgresServerFixture postgres;
    const fs::path data_dir = query(postgres.conninfo(), "SHOW data_directory");
    postgres.server().kill();
    const fs::path lock_file = data_dir / "postmaster.pid";
    ASSERT_TRUE(fs::exists(lock_file));
    std::ofstream(lock_file) << ::getpid() << '\n' << data_dir.string() << '\n';
    EXPECT_TRUE(postgres.server().restart().has_value());
}

TEST(PrivatePostgres, RefusesADirectoryThatAServerUses) {
    PostgresServerFixture postgres;
    const auto second =
        PrivatePostgres::start({.data_dir = query(postgres.conninfo(), "SHOW data_directory"),
                                .stop_timeout = std::chrono::milliseconds(100)});
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().message, HasSubstr("another PostgreSQL"));
}

TEST(PrivatePostgres, RefusesADirectoryThatItsUserCannotReach) {
    if (::geteuid() != 0) return;  // Only root can make one for somebody else.
    const auto directory = process::TemporaryDirectory::make("millrace-test-").value();
    const auto server = PrivatePostgres::start({.data_dir = directory.path() / "pg"});
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(server.error().message, HasSubstr("choose a data directory"));
}

TEST(PrivatePostgres, SaysWhyItDidNotStart) {
    PostgresServerFixture postgres;
    const fs::path data_dir = query(postgres.conninfo(), "SHOW data_directory");
    postgres.server().stop();
    const auto second =
        PrivatePostgres::start({.data_dir = data_dir, .settings = {{"shared_buffers", "lots"}}});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(second.error().message, HasSubstr("shared_buffers"));
}

TEST(PrivatePostgres, DropsADatabaseThatIsInUse) {
    PostgresServerFixture postgres;
    ASSERT_TRUE(postgres.server().create_database("extra").has_value());
    process::ChildOptions psql{
        .argv = {"psql", postgres.server().conninfo("extra"), "-XAtqc", "SELECT pg_sleep(60)"}};
    psql.on_line = [](std::string_view) {};
    auto session = process::ChildProcess::start(psql).value();
    const std::string count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'extra'";
    ASSERT_TRUE(test::eventually([&] { return query(postgres.conninfo(), count) == "1"; },
                                 "a session in the database"));
    ASSERT_TRUE(postgres.server().drop_database("extra").has_value());
    EXPECT_THAT(query(postgres.server().conninfo("extra"), "SELECT 1"),
                HasSubstr("does not exist"));
    EXPECT_TRUE(postgres.server().drop_database("extra").has_value());
}

}  // namespace
}  // namespace millrace::embedded
