#include "producer/cli/up/roster.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/fake_server.h"
#include "tests/support/manual_clock.h"

namespace millrace::cli::up {
namespace {

using testing::ElementsAre;
using testing::IsNull;
using testing::Pointee;

// A gateway that lists one worker.
class RosterTest : public testing::Test {
 protected:
    RosterTest() { clock_.advance(std::chrono::hours(1)); }

    void list(const std::string& state, pid_t pid, int age_ms) {
        listed_ = fmt::format(
            R"({{"data":[{{"state":"{}","pid":{},"models":["m"],"heartbeat_age_ms":{}}}]}})", state,
            pid, age_ms);
        clock_.advance(std::chrono::seconds(1));
    }

    test::ManualClock clock_;
    int status_ = 200;
    std::string listed_ = R"({"data":[]})";
    test::FakeServer gateway_{
        [this](test::Exchange& exchange) { exchange.reply(status_, "application/json", listed_); }};
    Roster roster_{clock_};
};

TEST_F(RosterTest, KnowsTheModelsOfAWorkerThatWasHeard) {
    EXPECT_THAT(roster_.models_of(7, clock_.now()), IsNull()) << "there is no gateway yet";
    roster_.look_at(gateway_.url());
    const auto started_at = clock_.now();
    list("alive", 7, 0);
    EXPECT_THAT(roster_.models_of(7, started_at), Pointee(ElementsAre("m")));
    EXPECT_THAT(roster_.models_of(8, started_at), IsNull());
    list("alive", 7, 60'000);
    EXPECT_THAT(roster_.models_of(7, started_at), IsNull()) << "an earlier one of that id";
    list("draining", 7, 0);
    EXPECT_THAT(roster_.models_of(7, started_at), IsNull());
}

// Only then may the worker be killed: it had claimed no job.
TEST_F(RosterTest, LacksAWorkerOnlyIfTheGatewaySaysSo) {
    const auto asked = clock_.now();
    clock_.advance(Roster::kListAgeMax);
    EXPECT_FALSE(roster_.lacked(7, clock_.now(), asked)) << "nobody knows";
    roster_.look_at(gateway_.url());
    const auto started_at = clock_.now();
    EXPECT_TRUE(roster_.lacked(7, started_at, asked));
    for (const auto* state : {"alive", "draining"}) {
        list(state, 7, 0);
        EXPECT_FALSE(roster_.lacked(7, started_at, asked)) << state;
        EXPECT_TRUE(roster_.has(7, started_at)) << state;
        EXPECT_TRUE(roster_.lacked(8, started_at, asked));
        list(state, 7, 60'000);
        EXPECT_TRUE(roster_.lacked(7, started_at, asked)) << "an earlier one of that id";
        EXPECT_FALSE(roster_.has(7, started_at)) << "an earlier one of that id";
    }
    list("stopped", 7, 0);
    EXPECT_TRUE(roster_.lacked(7, started_at, asked));
    EXPECT_FALSE(roster_.has(7, started_at));
    status_ = 503;
    EXPECT_FALSE(roster_.lacked(7, started_at, asked));
    status_ = 200;
    listed_ = "[]";
    EXPECT_FALSE(roster_.lacked(7, started_at, asked));
}

// The gateway's list may be a second old: the worker may have claimed jobs since.
TEST_F(RosterTest, DoesNotTrustAListFromBeforeItWasAsked) {
    roster_.look_at(gateway_.url());
    const auto asked = clock_.now();
    EXPECT_FALSE(roster_.lacked(7, asked, asked));
    clock_.advance(Roster::kListAgeMax - milliseconds(1));
    EXPECT_FALSE(roster_.lacked(7, asked, asked));
    clock_.advance(milliseconds(1));
    EXPECT_TRUE(roster_.lacked(7, asked, asked));
}

// Each request that hangs holds up the loop that also stops the workers.
TEST_F(RosterTest, AsksAGatewayThatHangsOnceForAllWorkers) {
    std::atomic<int> requests = 0;
    test::FakeServer hung([&](test::Exchange& exchange) {
        ++requests;
        clock_.advance(std::chrono::seconds(2));
        exchange.reply(503, "application/json", "{}");
    });
    roster_.look_at(hung.url());
    const auto asked = clock_.now();
    clock_.advance(Roster::kListAgeMax);
    for (pid_t pid = 1; pid <= 4; ++pid) {
        EXPECT_FALSE(roster_.lacked(pid, asked, asked));
        EXPECT_FALSE(roster_.has(pid, asked));
    }
    EXPECT_EQ(roster_.summary(4), "the gateway does not answer");
    EXPECT_EQ(requests, 1);
    clock_.advance(std::chrono::seconds(8));
    EXPECT_FALSE(roster_.lacked(1, asked, asked));
    EXPECT_EQ(requests, 2);
}

TEST_F(RosterTest, SurvivesAnAnswerOfAnotherProgram) {
    roster_.look_at(gateway_.url());
    const auto started_at = clock_.now();
    for (const auto* answer :
         {R"({"data":[7,{"state":7},{"state":"alive","pid":"x","models":{"a":1}}]})",
          R"({"data":[{"state":"alive","pid":7,"models":[1],"heartbeat_age_ms":"x"}]})",
          R"({"data":1e400})", "[1e400]"}) {
        listed_ = answer;
        clock_.advance(std::chrono::seconds(1));
        EXPECT_FALSE(roster_.has(8, started_at)) << answer;
        EXPECT_THAT(roster_.summary(0), testing::Not(testing::IsEmpty()));
    }
}

TEST_F(RosterTest, SaysWhichCountsAreEstimates) {
    roster_.look_at(gateway_.url());
    listed_ =
        R"({"data":[{"queue":"a","priority":"high","queued":3,"in_progress":1,"estimated":false},
                    {"queue":"b","priority":"low","queued":30000,"estimated":true}]})";
    EXPECT_EQ(roster_.summary(2), "2 workers, 1 running, ~30003 waiting (a/high 3, b/low ~30000)");
}

TEST_F(RosterTest, LooksAgainBeforeAWorkerCountsAsMissing) {
    roster_.look_at(gateway_.url());
    const auto asked = clock_.now();
    clock_.advance(Roster::kListAgeMax);
    EXPECT_THAT(roster_.models_of(7, asked), IsNull());
    listed_ = R"({"data":[{"state":"alive","pid":7,"models":[],"heartbeat_age_ms":0}]})";
    EXPECT_FALSE(roster_.lacked(7, asked, asked));
}

}  // namespace
}  // namespace millrace::cli::up
