#include "producer/cli/up/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace millrace::cli::up {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A service that lives until it is stopped or killed.
struct FakeService {
    bool alive = false;
    bool is_ready = true;
    bool obeys = true;  // False: it does not end when asked.
    bool is_idle = false;
    int starts = 0;
    bool fails_to_start = false;
    std::vector<std::string> told;

    Service service(const std::string& name, std::vector<std::string>& stopped) {
        return {.name = name,
                .start = [this]() -> Status {
                    ++starts;
                    if (fails_to_start) return Error{ErrorCode::kUnavailable, "no luck"};
                    alive = true;
                    return ok();
                },
                .running = [this] { return alive; },
                .ready = [this] { return is_ready; },
                .how_it_ended = [] { return std::string("exit code 1: no such file"); },
                .ask_to_stop =
                    [this] {
                        told.emplace_back("asked");
                        if (obeys) alive = false;
                    },
                .was_idle = [this](MonoTime) { return is_idle; },
                .kill =
                    [this, name, &stopped] {
                        if (alive) told.emplace_back("killed");
                        alive = false;
                        stopped.push_back(name);
                    }};
    }
};

class SupervisorTest : public testing::Test {
 protected:
    void pass(milliseconds time) { clock.advance(time); }
    void stop_all() { supervisor.stop_all(hurry.get_token()); }

    test::ManualClock clock;
    std::stop_source hurry;
    std::vector<std::string> said;
    std::vector<std::string> stopped;
    Supervisor supervisor{clock, [this](const std::string& line) { said.push_back(line); },
                          [this](milliseconds time) { pass(time); }};
};

TEST_F(SupervisorTest, StopsInReverseOrder) {
    FakeService first;
    FakeService second;
    ASSERT_TRUE(supervisor.start(first.service("first", stopped)).has_value());
    ASSERT_TRUE(supervisor.start(second.service("second", stopped)).has_value());
    stop_all();
    stop_all();
    EXPECT_THAT(stopped, ElementsAre("second", "first"));
    EXPECT_THAT(first.told, ElementsAre("asked"));
}

TEST_F(SupervisorTest, KillsAServiceThatDoesNotStopInTime) {
    FakeService fake{.obeys = false};
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    const auto before = clock.now();
    stop_all();
    EXPECT_THAT(fake.told, ElementsAre("asked", "killed"));
    EXPECT_GE(clock.now() - before, std::chrono::seconds(10));
}

TEST_F(SupervisorTest, WaitsForNoServiceInAHurry) {
    FakeService fake{.obeys = false};
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    hurry.request_stop();
    const auto before = clock.now();
    stop_all();
    EXPECT_THAT(fake.told, ElementsAre("killed"));
    EXPECT_EQ(clock.now(), before);
}

// A service that lacks some of its dependencies may still be working with the others.
TEST_F(SupervisorTest, AsksServicesThatAreNotReady) {
    FakeService waiting{.is_ready = false};
    FakeService early{.is_ready = false};
    auto service = early.service("early", stopped);
    service.stops_early = true;
    ASSERT_TRUE(supervisor.start(waiting.service("waiting", stopped)).has_value());
    ASSERT_TRUE(supervisor.start(std::move(service)).has_value());
    EXPECT_FALSE(supervisor.all_ready());
    stop_all();
    EXPECT_THAT(waiting.told, ElementsAre("asked"));
    EXPECT_THAT(early.told, ElementsAre("asked"));
}

TEST_F(SupervisorTest, DoesNotWaitForAServiceWithNothingToEnd) {
    FakeService loading{.is_ready = false, .obeys = false, .is_idle = true};
    ASSERT_TRUE(supervisor.start(loading.service("loading", stopped)).has_value());
    const auto before = clock.now();
    stop_all();
    EXPECT_THAT(loading.told, ElementsAre("asked", "killed"));
    EXPECT_EQ(clock.now(), before);
}

// The service may have claimed something before it was asked to end, though the gateway lists it
// later.
TEST_F(SupervisorTest, WaitsUntilAServiceIsKnownToHaveNothingToEnd) {
    constexpr milliseconds kKnownAfter{1500};
    FakeService busy{.obeys = false};
    auto service = busy.service("busy", stopped);
    service.stops_early = true;
    const auto before = clock.now();
    service.was_idle = [&](MonoTime asked) {
        EXPECT_EQ(asked, before);
        return clock.now() - asked >= kKnownAfter;
    };
    ASSERT_TRUE(supervisor.start(std::move(service)).has_value());
    stop_all();
    EXPECT_THAT(busy.told, ElementsAre("asked", "killed"));
    EXPECT_GE(clock.now() - before, kKnownAfter);
}

TEST_F(SupervisorTest, AsksNoServiceThatIsDown) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = false;
    ASSERT_TRUE(supervisor.watch().has_value());
    stop_all();
    EXPECT_TRUE(fake.told.empty());
}

TEST_F(SupervisorTest, AsksSlowServicesBeforeItWaitsForAny) {
    FakeService slow;
    FakeService other{.obeys = false};
    std::vector<std::string> order;
    auto early = slow.service("slow", stopped);
    early.stops_early = true;
    early.ask_to_stop = [&] { order.emplace_back("slow asked"); };
    auto late = other.service("other", stopped);
    late.ask_to_stop = [&] { order.emplace_back("other asked"); };
    ASSERT_TRUE(supervisor.start(std::move(early)).has_value());
    ASSERT_TRUE(supervisor.start(std::move(late)).has_value());
    stop_all();
    EXPECT_THAT(order, ElementsAre("slow asked", "other asked"));
    EXPECT_THAT(stopped, ElementsAre("other", "slow"));
}

TEST_F(SupervisorTest, RestartsADeadServiceAfterAPauseAndSaysWhy) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = false;
    ASSERT_TRUE(supervisor.watch().has_value());
    EXPECT_EQ(fake.starts, 1);
    clock.advance(milliseconds(500));
    ASSERT_TRUE(supervisor.watch().has_value());
    EXPECT_EQ(fake.starts, 2);
    EXPECT_THAT(said, ElementsAre(HasSubstr("fake ended: exit code 1: no such file"),
                                  HasSubstr("fake is running again")));
}

TEST_F(SupervisorTest, SaysThatItRunsAgainOnceItIsReady) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = fake.is_ready = false;
    ASSERT_TRUE(supervisor.watch().has_value());
    clock.advance(milliseconds(500));
    ASSERT_TRUE(supervisor.watch().has_value());
    EXPECT_EQ(fake.starts, 2);
    EXPECT_EQ(said.size(), 1U);
    fake.is_ready = true;
    ASSERT_TRUE(supervisor.watch().has_value());
    EXPECT_THAT(said.back(), HasSubstr("fake is running again"));
}

// A model may take hours to load.
TEST_F(SupervisorTest, WaitsForALoadingServiceAsLongAsItTakes) {
    FakeService loading{.is_ready = false};
    ASSERT_TRUE(supervisor.start(loading.service("loading", stopped)).has_value());
    for (int i = 0; i < 100; ++i) {
        clock.advance(std::chrono::hours(1));
        ASSERT_TRUE(supervisor.watch().has_value());
    }
    EXPECT_EQ(loading.starts, 1);
    EXPECT_TRUE(loading.told.empty());
    loading.is_ready = true;
    ASSERT_TRUE(supervisor.watch().has_value());
    EXPECT_TRUE(supervisor.all_ready());
}

TEST_F(SupervisorTest, PausesLongerEachTimeAServiceDoesNotStart) {
    FakeService fake;
    ASSERT_TRUE(supervisor.start(fake.service("fake", stopped)).has_value());
    fake.alive = false;
    fake.fails_to_start = true;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(supervisor.watch().has_value());
        clock.advance(milliseconds(500));
    }
    // The pauses are 0.5, 1, 2, 4, 8 and 16 s, then 30 s, which are not over after 50 s.
    EXPECT_EQ(fake.starts, 7);
}

TEST_F(SupervisorTest, AServiceThatDoesNotStartAtFirstIsAnErrorAndNotWatched) {
    FakeService fake;
    fake.fails_to_start = true;
    EXPECT_FALSE(supervisor.start(fake.service("fake", stopped)).has_value());
    stop_all();
    EXPECT_TRUE(stopped.empty());
}

TEST_F(SupervisorTest, AServiceThatEndsBeforeItIsReadyIsAnErrorWithTheReason) {
    FakeService fake{.is_ready = false};
    ASSERT_TRUE(supervisor.start(fake.service("worker 1", stopped)).has_value());
    ASSERT_TRUE(supervisor.watch().has_value());
    fake.alive = false;
    const auto failed = supervisor.watch();
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().message, "worker 1 did not start: exit code 1: no such file");
    EXPECT_EQ(fake.starts, 1);
}

}  // namespace
}  // namespace millrace::cli::up
