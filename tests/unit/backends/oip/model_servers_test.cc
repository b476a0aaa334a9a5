#include "worker/backends/oip/model_servers.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::backends::oip {
namespace {

using serving::pool::CallResult;
using std::chrono::seconds;

const MonoTime kStart{seconds(1000)};

class ModelServersTest : public testing::Test {
 protected:
    ModelServers servers_of(std::string model = "m") {
        return {std::move(model), base_urls_, /*slots=*/8, random_};
    }
    // Begins calls until one goes to this server, and ends it so.
    static void call(ModelServers& servers, std::size_t server, const ServerError& error,
                     MonoTime now) {
        std::vector<ModelServers::Call> others;
        auto call = servers.begin(1, {}, now);
        for (; call && call->server != server; call = servers.begin(1, {}, now)) {
            others.push_back(*call);
        }
        ASSERT_TRUE(call);
        servers.end(*call, error, now);
        for (const auto& other : others) servers.end(other, CallResult::kAborted, now);
    }
    static bool is_out(ModelServers& servers, MonoTime now) {
        return servers.wait(now) > milliseconds(0);
    }

    std::vector<std::string> base_urls_{"http://a"};
    test::SeededRandom random_;
    const ServerError dead_ = unreachable("refused");
    const ServerError failed_ = invalid_response("garbage");
};

TEST_F(ModelServersTest, AModelIsOutAtOnceIfThereIsNoDoubt) {
    auto servers = servers_of();
    call(servers, 0, dead_, kStart);
    EXPECT_FALSE(servers.begin(1, {}, kStart));
    EXPECT_GT(servers.wait(kStart), milliseconds(0));
    EXPECT_LE(servers.wait(kStart), seconds(1));
    EXPECT_EQ(
        servers.unavailable(kStart).error_message,
        "no server can run the model 'm' now; http://a: cannot connect to the server: refused");
    EXPECT_FALSE(is_out(servers, kStart + seconds(1)));
}

TEST_F(ModelServersTest, AModelIsOutAfterThreeFailuresInARow) {
    auto servers = servers_of();
    auto now = kStart;
    for (int i = 0; i < 10; ++i) {
        call(servers, 0, failed_, now += std::chrono::minutes(5));
        call(servers, 0, failed_, now += std::chrono::minutes(5));
        EXPECT_FALSE(is_out(servers, now));
        servers.end(servers.begin(1, {}, now).value(), CallResult::kServed, now);
    }
    call(servers, 0, failed_, now += std::chrono::minutes(5));
    call(servers, 0, failed_, now += std::chrono::minutes(5));
    call(servers, 0, failed_, now += std::chrono::minutes(5));
    EXPECT_TRUE(is_out(servers, now));
}

TEST_F(ModelServersTest, OneJobProbesWhetherItWorksAgain) {
    auto servers = servers_of();
    call(servers, 0, dead_, kStart);
    auto now = kStart;
    for (int i = 0; i < 5; ++i) {
        EXPECT_LE(servers.wait(now), seconds(5));
        now += servers.wait(now);
        const auto probe = servers.begin(32, {}, now);
        ASSERT_TRUE(probe);
        EXPECT_TRUE(probe->is_probe);
        EXPECT_FALSE(servers.begin(32, {}, now)) << "one at a time";
        servers.end(*probe, failed_, now);
        EXPECT_TRUE(is_out(servers, now));
    }
    now += servers.wait(now);
    servers.end(servers.begin(32, {}, now).value(), CallResult::kServed, now);
    EXPECT_FALSE(servers.begin(32, {}, now).value().is_probe);
}

TEST_F(ModelServersTest, AnAbandonedProbeLeavesRoomForTheNext) {
    auto servers = servers_of();
    call(servers, 0, dead_, kStart);
    const auto later = kStart + seconds(1);
    servers.end(servers.begin(1, {}, later).value(), CallResult::kAborted, later);
    EXPECT_TRUE(servers.begin(1, {}, later).value().is_probe);
}

TEST_F(ModelServersTest, AModelThatIsOutOnOneServerIsRunOnTheOther) {
    base_urls_ = {"http://a", "http://b"};
    auto servers = servers_of();
    auto others = servers_of("other");
    call(servers, 0, dead_, kStart);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(servers.begin(1, {}, kStart)->server, 1U);
    EXPECT_EQ(servers.wait(kStart), seconds(0));
    call(others, 0, classify({.status = 400}), kStart);
}

TEST_F(ModelServersTest, AProbeThatIsDueGoesFirst) {
    base_urls_ = {"http://a", "http://b"};
    auto servers = servers_of();
    call(servers, 1, dead_, kStart);
    const auto later = kStart + seconds(2);
    const auto probe = servers.begin(1, {}, later);
    EXPECT_EQ(probe->server, 1U);
    EXPECT_TRUE(probe->is_probe);
    EXPECT_EQ(servers.begin(1, {}, later)->server, 0U);
}

TEST_F(ModelServersTest, TheLeastLoadedGetsTheNextRequest) {
    base_urls_ = {"http://a", "http://b"};
    auto servers = servers_of();
    const auto first = servers.begin(1, {}, kStart)->server;
    const auto second = *servers.begin(1, {}, kStart);
    EXPECT_NE(second.server, first);
    servers.end(second, CallResult::kAborted, kStart);
    EXPECT_EQ(servers.begin(1, {}, kStart)->server, second.server);
}

TEST_F(ModelServersTest, AServerThatRefusesIsLeftAloneAsLongAsItAsks) {
    base_urls_ = {"http://a", "http://b"};
    auto servers = servers_of();
    const auto busy = classify({.status = 503, .retry_after = seconds(20)});
    call(servers, 0, busy, kStart);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(servers.begin(1, {}, kStart)->server, 1U);
    EXPECT_FALSE(servers.begin(1, {}, kStart));
    EXPECT_FALSE(is_out(servers, kStart)) << "the other one is only full";
    EXPECT_EQ(servers.begin(1, {}, kStart + seconds(20))->server, 0U);
}

TEST_F(ModelServersTest, AServerThatWasTriedIsNotChosen) {
    base_urls_ = {"http://a", "http://b"};
    auto servers = servers_of();
    for (int i = 0; i < 8; ++i) EXPECT_EQ(servers.begin(1, {0}, kStart)->server, 1U);
    EXPECT_FALSE(servers.begin(1, {0}, kStart));
    EXPECT_TRUE(servers.are_full({0}, kStart));
    EXPECT_FALSE(servers.begin(1, {0, 1}, kStart));
    EXPECT_FALSE(servers.are_full({0, 1}, kStart)) << "nobody is left to wait for";
}

TEST_F(ModelServersTest, AKeyThatIsRefusedCountsAgainstTheServer) {
    auto servers = servers_of();
    for (int i = 0; i < 3; ++i) call(servers, 0, classify({.status = 401}), kStart);
    EXPECT_TRUE(is_out(servers, kStart));
    EXPECT_EQ(servers.unavailable(kStart).error_message,
              "no server can run the model 'm' now; http://a: the server answered 401");
}

}  // namespace
}  // namespace millrace::backends::oip
