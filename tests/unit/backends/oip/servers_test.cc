#include "worker/backends/oip/servers.h"

#include <gtest/gtest.h>

namespace millrace::backends::oip {
namespace {

using Permit = ModelHealth::Permit;
using std::chrono::seconds;

const MonoTime kStart{seconds(1000)};

TEST(ModelHealth, IsOutAtOnceIfThereIsNoDoubt) {
    ModelHealth health;
    EXPECT_EQ(health.permit(kStart), Permit::kAny);
    EXPECT_TRUE(health.failed(/*is_dead=*/true, kStart));
    EXPECT_EQ(health.permit(kStart), Permit::kNone);
    EXPECT_EQ(health.wait(kStart), seconds(1));
    EXPECT_EQ(health.permit(kStart + seconds(1)), Permit::kProbe);
}

TEST(ModelHealth, ForgivesFailuresThatAreNotInARow) {
    ModelHealth health;
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(health.failed(false, kStart));
        EXPECT_FALSE(health.failed(false, kStart));
        EXPECT_EQ(health.permit(kStart), Permit::kAny);
        EXPECT_FALSE(health.alive());
    }
    health.failed(false, kStart);
    health.failed(false, kStart);
    EXPECT_TRUE(health.failed(false, kStart));
    EXPECT_EQ(health.permit(kStart), Permit::kNone);
}

TEST(ModelHealth, SendsOneProbeAtATimeAndLessAndLessOften) {
    ModelHealth health;
    health.failed(true, kStart);
    auto now = kStart;
    for (const int delay : {1, 2, 4, 5, 5}) {
        EXPECT_EQ(health.wait(now), seconds(delay));
        now += seconds(delay);
        ASSERT_EQ(health.permit(now), Permit::kProbe);
        health.probing();
        EXPECT_EQ(health.permit(now), Permit::kNone);
        EXPECT_FALSE(health.failed(false, now)) << "it was out before";
    }
    now += seconds(5);
    health.probing();
    EXPECT_TRUE(health.alive());
    EXPECT_EQ(health.permit(now), Permit::kAny);
    health.failed(true, now);
    EXPECT_EQ(health.wait(now), seconds(1)) << "begins again";
}

TEST(ModelHealth, IgnoresFailuresOfCallsSentBeforeTheOutage) {
    ModelHealth health;
    health.failed(true, kStart);
    for (int i = 0; i < 5; ++i) health.failed(true, kStart);
    EXPECT_EQ(health.wait(kStart), seconds(1));
}

TEST(ModelHealth, AnAbandonedProbeLeavesRoomForTheNext) {
    ModelHealth health;
    health.failed(true, kStart);
    const auto later = kStart + seconds(1);
    health.probing();
    EXPECT_EQ(health.permit(later), Permit::kNone);
    EXPECT_GT(health.wait(later), seconds(0));
    health.abandoned();
    EXPECT_EQ(health.permit(later), Permit::kProbe);
}

TEST(Servers, TakeTurnsAndPreferTheLeastLoaded) {
    Servers servers({"a", "b"});
    EXPECT_EQ(servers.choose("m", kStart)->index, 0U);
    EXPECT_EQ(servers.choose("m", kStart)->index, 1U);
    servers.released(1);
    EXPECT_EQ(servers.choose("m", kStart)->index, 1U);
}

TEST(Servers, AModelThatIsOutOnOneServerIsRunOnTheOther) {
    Servers servers({"a", "b"});
    servers.health(0, "m").failed(true, kStart);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(servers.choose("m", kStart)->index, 1U);
    EXPECT_EQ(servers.choose("other", kStart)->index, 0U) << "another model is not concerned";
    EXPECT_EQ(servers.wait("m", kStart), seconds(0));
    servers.health(1, "m").failed(true, kStart + milliseconds(400));
    EXPECT_FALSE(servers.choose("m", kStart + milliseconds(500)));
    EXPECT_EQ(servers.wait("m", kStart + milliseconds(500)), milliseconds(500));
}

TEST(Servers, AProbeThatIsDueGoesFirst) {
    Servers servers({"a", "b"});
    servers.health(1, "m").failed(true, kStart);
    const auto later = kStart + seconds(2);
    const auto probe = servers.choose("m", later);
    EXPECT_EQ(probe->index, 1U);
    EXPECT_TRUE(probe->is_probe);
    EXPECT_EQ(servers.choose("m", later)->index, 0U);
}

}  // namespace
}  // namespace millrace::backends::oip
