#include "producer/cli/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A service that lives until it is told to die.
struct FakeService {
    bool alive = false;
    int starts = 0;
    bool fails_to_start = false;

    Service service(const std::string& name, std::vector<std::string>& stopped) {
        return {.name = name,
                .start = [this]() -> Status {
                    ++starts;
                    if (fails_to_start) return Error{ErrorCode::kUnavailable, "no luck"};
                    alive = true;
                    return ok();
                },
                .running = [this] { return alive; },
                .how_it_ended = [] { return std::string("exit code 1"); },
                .ask_to_stop = {},
                .stop =
                    [this, name, &stopped] {
                        alive = false;
                        stopped.push_back(name);
                    }};
    }
};

class SupervisorTest : public testing::Test {
 protected:
    test::ManualClock clock;
    std::vector<std::string> said;
    std::vector<std::string> stopped;
    Supervisor supervisor{clock, [this](const std::string& line) { said.push_back(line); }};
};

TEST_F(SupervisorTest, StopsInReverseOrder) {
    FakeService first;
    FakeService second;
    ASSERT_TRUE(supervisor.start(first.service("first", stopped)).has_value());
    ASSERT_TRUE(supervisor.start(second.service("second", stopped)).has_value());
    supervisor.stop_all();
    supervisor.stop_all();
    EXPECT_THAT(stopped, ElementsAre("second", "first"));
}

TEST_F(SupervisorTest, RestartsWhatDiedAfterAPauseAndSaysSo) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = false;
    supervisor.watch();
    EXPECT_EQ(fake.starts, 1);
    clock.advance(milliseconds(500));
    supervisor.watch();
    EXPECT_EQ(fake.starts, 2);
    EXPECT_THAT(said, ElementsAre(HasSubstr("fake ended (exit code 1)"),
                                  HasSubstr("fake is running again")));
}

TEST_F(SupervisorTest, PausesLongerEachTimeAServiceDoesNotStart) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = false;
    fake.fails_to_start = true;
    for (int i = 0; i < 100; ++i) {
        supervisor.watch();
        clock.advance(milliseconds(500));
    }
    // 0.5, 1, 2, 4, 8, 16, then every 30 s: far fewer than one in each of the 100 half seconds.
    EXPECT_GE(fake.starts, 5);
    EXPECT_LE(fake.starts, 8);
}

TEST_F(SupervisorTest, AServiceThatDoesNotStartAtFirstIsAnErrorAndNotWatched) {
    FakeService fake;
    fake.fails_to_start = true;
    EXPECT_FALSE(supervisor.start(fake.service("fake", stopped)).has_value());
    supervisor.stop_all();
    EXPECT_TRUE(stopped.empty());
}

}  // namespace
}  // namespace millrace::cli
