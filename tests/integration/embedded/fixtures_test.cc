// The test support itself: a fixture that leaks state or lies makes every other test worthless.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/process/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/seeded_random.h"

namespace millrace::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Result<std::string> query(const std::string& conninfo, const std::string& sql) {
    return process::run_to_end({.argv = {"psql", conninfo, "-XAtqc", sql}}, 30s);
}

TEST(PostgresFixture, GivesEachTestAnEmptyDatabase) {
    PostgresFixture first;
    PostgresFixture second;
    ASSERT_TRUE(query(first.conninfo(), "CREATE TABLE t ()").has_value());
    EXPECT_TRUE(query(second.conninfo(), "CREATE TABLE t ()").has_value());
    EXPECT_EQ(query(first.conninfo(), "SHOW fsync").value(), "off\n");
}

TEST(PostgresFixture, DropsItsDatabase) {
    std::string conninfo;
    {
        PostgresFixture fixture;
        conninfo = fixture.conninfo();
    }
    const auto result = query(conninfo, "SELECT 1");
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr("does not exist"));
}

TEST(Eventually, AsksUntilTheConditionHolds) {
    int asked = 0;
    EXPECT_TRUE(eventually([&] { return ++asked == 3; }));
}

TEST(Eventually, SaysWhatDidNotComeTrue) {
    const auto result = eventually([] { return false; }, "the impossible", 1ms);
    EXPECT_FALSE(result);
    EXPECT_THAT(result.message(), HasSubstr("the impossible did not come true"));
}

TEST(ManualClock, MovesOnlyOnRequest) {
    ManualClock clock;
    const auto start = clock.now();
    const auto wall = clock.wall();
    clock.advance(250ms);
    clock.step_wall(-1s);
    EXPECT_EQ(clock.now() - start, 250ms);
    EXPECT_EQ(clock.wall() - wall, -750ms);
}

TEST(SeededRandom, RepeatsItself) {
    SeededRandom a(7);
    SeededRandom b(7);
    SeededRandom c(8);
    EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(a.next(), c.next());
}

}  // namespace
}  // namespace millrace::test
