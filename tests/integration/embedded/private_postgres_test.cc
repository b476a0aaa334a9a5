#include "common/embedded/private_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "common/runtime/thread.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_fixture.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using test::PostgresServerFixture;
using testing::HasSubstr;

// Returns what psql prints for a statement, without the last end of line.
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

TEST(PrivatePostgres, AnotherObjectTakesOverTheDirectory) {
    PostgresServerFixture postgres;
    const PostgresOptions options{.data_dir = query(postgres.conninfo(), "SHOW data_directory")};
    query(postgres.conninfo(), "CREATE TABLE t AS SELECT 42 AS answer");
    postgres.server().kill();
    const auto second = PrivatePostgres::start(options).value();
    EXPECT_EQ(query(second->conninfo(), "SELECT answer FROM t"), "42");
}

TEST(PrivatePostgres, StartsDespiteALockFileWithTheIdOfAnotherProcess) {
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
    EXPECT_THAT(server.error().message, HasSubstr("allow it (chmod o+x "));
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

// A data directory below a temporary one, which PostgreSQL's user may enter.
class Place {
 public:
    explicit Place(const std::string& name) {
        fs::permissions(outer_.path(), fs::perms(0711));
        fs::create_directories(data().parent_path() / name);
        data_ = data().parent_path() / name / "pg";
    }
    fs::path data() const { return data_; }
    const fs::path& outer() const { return outer_.path(); }

 private:
    process::TemporaryDirectory outer_ =
        process::TemporaryDirectory::make("millrace-test-").value();
    fs::path data_ = outer_.path() / "pg";
};

TEST(PrivatePostgres, KeepsItsSocketBesideItsData) {
    const Place place("a b's \\ \"x\"");
    const auto server = PrivatePostgres::start({.data_dir = place.data(), .fsync = false}).value();
    EXPECT_EQ(query(server->conninfo(), "SELECT 1"), "1");
    EXPECT_EQ(server->socket().parent_path(), place.data().string() + ".socket");
    EXPECT_EQ(fs::status(server->socket().parent_path()).permissions(), fs::perms::owner_all);
}

TEST(PrivatePostgres, FindsAnotherPlaceForItsSocketIfThePathIsTooLong) {
    for (const auto& name : {std::string(120, 'x'), std::string("a,b")}) {
        const Place place(name);
        fs::path socket;
        {
            const auto server =
                PrivatePostgres::start({.data_dir = place.data(), .fsync = false}).value();
            EXPECT_EQ(query(server->conninfo(), "SELECT 1"), "1");
            socket = server->socket().parent_path();
            EXPECT_LT(socket.string().size(), 90U);
            // The next server finds what a killed process left behind.
            EXPECT_EQ(fs::read_symlink(place.data().string() + ".socket"), socket);
        }
        EXPECT_FALSE(fs::exists(socket));
        EXPECT_FALSE(fs::is_symlink(place.data().string() + ".socket"));
    }
}

TEST(PrivatePostgres, RemovesTheSocketDirectoryOfAKilledServer) {
    const Place place(std::string(120, 'x'));
    const auto left = fs::path("/tmp/millrace-pg-" + std::to_string(::getpid()));
    const auto server = PrivatePostgres::start({.data_dir = place.data(), .fsync = false}).value();
    server->stop();
    const fs::path link = place.data().string() + ".socket";
    fs::create_directory(left);
    // The directory belongs to the user that the server runs as.
    const auto owner = process::find_user("postgres");
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(left.c_str(), owner->uid, owner->gid), 0);
    }
    fs::remove(link);
    fs::create_symlink(left, link);
    const auto second = PrivatePostgres::start({.data_dir = place.data(), .fsync = false}).value();
    EXPECT_FALSE(fs::exists(left));
    EXPECT_EQ(query(second->conninfo(), "SELECT 1"), "1");
}

TEST(PrivatePostgres, TheEnvironmentDivertsNothing) {
    const std::map<const char*, const char*> variables{
        {"PGHOST", "/elsewhere"},    {"PGHOSTADDR", "192.0.2.1"},
        {"PGPORT", "6543"},          {"PGUSER", "nobody"},
        {"PGDATABASE", "elsewhere"}, {"PGOPTIONS", "-c search_path=elsewhere"},
        {"PGSERVICE", "elsewhere"},  {"PGSSLMODE", "verify-full"},
        {"PGDATA", "/elsewhere"}};
    for (const auto& [name, value] : variables) ::setenv(name, value, 1);
    const Place place("pg");
    auto server = PrivatePostgres::start({.data_dir = place.data(), .fsync = false});
    for (const auto& [name, _] : variables) ::unsetenv(name);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    EXPECT_EQ(query((*server)->conninfo(), "SHOW port"), "5432");
}

TEST(PrivatePostgres, SurvivesALoaderThatComplains) {
    ::setenv("LD_PRELOAD", "/nonexistent/library.so", 1);
    const Place place("pg");
    auto server = PrivatePostgres::start({.data_dir = place.data(), .fsync = false});
    ::unsetenv("LD_PRELOAD");
    ASSERT_TRUE(server.has_value()) << server.error().message;
    EXPECT_EQ(query((*server)->conninfo(), "SELECT 1"), "1");
}

TEST(PrivatePostgres, CreatesAWholeClusterOrNone) {
    const Place place("pg");
    std::stop_source stop;
    // Stops the start as soon as initdb has begun.
    runtime::Thread teller("teller", [&](const std::stop_token& token) {
        while (!token.stop_requested() && !fs::exists(place.data().string() + ".unfinished/base")) {
        }
        stop.request_stop();
    });
    const auto server =
        PrivatePostgres::start({.data_dir = place.data(), .give_up = stop.get_token()});
    EXPECT_FALSE(server.has_value());
    EXPECT_FALSE(fs::exists(place.data() / "PG_VERSION"));
    const auto again = PrivatePostgres::start({.data_dir = place.data(), .fsync = false});
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(query((*again)->conninfo(), "SELECT 1"), "1");
    EXPECT_FALSE(fs::exists(place.data().string() + ".unfinished"));
}

TEST(PrivatePostgres, StopsSoonOnRequest) {
    const Place place("pg");
    std::stop_source stop;
    stop.request_stop();
    const auto server =
        PrivatePostgres::start({.data_dir = place.data(), .give_up = stop.get_token()});
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().code, ErrorCode::kCancelled);
    // Nothing hinders the next start.
    EXPECT_TRUE(PrivatePostgres::start({.data_dir = place.data(), .fsync = false}).has_value());
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
