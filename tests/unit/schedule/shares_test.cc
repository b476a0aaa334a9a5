#include "worker/schedule/shares.h"

#include <gtest/gtest.h>

#include <array>

namespace millrace::schedule {
namespace {

using Counts = std::array<std::size_t, 3>;

const std::vector<LaneShare> kLanes{
    {.weight = 60, .rank = 0}, {.weight = 30, .rank = 1}, {.weight = 10, .rank = 2}};

// Fills `slots` and returns how many each lane got.
Counts fill(Shares& shares, std::size_t slots, Counts waiting, Counts held = {}) {
    Counts got{};
    for (std::size_t i = 0; i < slots; ++i) {
        const auto lane = shares.pick(waiting, held);
        if (!lane) break;
        ++got[*lane];
        ++held[*lane];
        --waiting[*lane];
    }
    return got;
}

TEST(Shares, DividesSlotsByWeightWhileAllLanesHaveWork) {
    Shares shares(kLanes, 100, {});
    EXPECT_EQ(fill(shares, 100, {1000, 1000, 1000}), (Counts{60, 30, 10}));
}

TEST(Shares, LendsTheUnusedShareOfALane) {
    Shares shares(kLanes, 100, {});
    EXPECT_EQ(fill(shares, 100, {0, 1000, 0}), (Counts{0, 100, 0}));
    const auto got = fill(shares, 100, {5, 1000, 1000});
    EXPECT_EQ(got[0], 5U);
    EXPECT_GE(got[1], 30U);
    EXPECT_GE(got[2], 10U);
}

TEST(Shares, GivesTheNextSlotToALaneBelowItsGuarantee) {
    Shares shares(kLanes, 100, {});
    // Long jobs of the low lane borrowed nearly everything; every slot that becomes free goes to
    // the others.
    EXPECT_EQ(fill(shares, 5, {1000, 0, 1000}, {0, 0, 95}), (Counts{5, 0, 0}));
}

TEST(Shares, DividesStartsByWeightIfSlotsAreFew) {
    Shares shares(kLanes, 1, {});
    Counts started{};
    for (int i = 0; i < 100; ++i) {
        ++started[*shares.pick(Counts{1000, 1000, 1000}, Counts{})];
    }
    EXPECT_EQ(started, (Counts{60, 30, 10}));
}

TEST(Shares, GivesNoCreditForIdleTime) {
    Shares shares(kLanes, 1, {});
    for (int i = 0; i < 1000; ++i) (void)shares.pick(Counts{1, 0, 0}, Counts{});
    Counts started{};
    for (int i = 0; i < 100; ++i) {
        ++started[*shares.pick(Counts{1000, 0, 1000}, Counts{})];
    }
    EXPECT_NEAR(static_cast<double>(started[2]), 100.0 / 7, 2);
}

TEST(Shares, StrictModeFillsTheMoreUrgentLanesFirst) {
    Shares shares(kLanes, 100, {.strict = true});
    EXPECT_EQ(fill(shares, 100, {70, 20, 1000}), (Counts{70, 20, 10}));
}

TEST(Shares, ALaneThatWaitedForTheBoundGetsOneSlotEvenInStrictMode) {
    constexpr milliseconds kBound{1000};
    Shares shares(kLanes, 1, {.strict = true, .age_max = kBound});
    const Counts waiting{1000, 0, 1000};
    const MonoTime begin{};
    shares.age(waiting, begin);
    shares.age(waiting, begin + kBound - milliseconds(1));
    EXPECT_EQ(fill(shares, 2, waiting), (Counts{2, 0, 0}));
    for (int i = 1; i <= 3; ++i) {
        shares.age(waiting, begin + i * kBound);
        EXPECT_EQ(fill(shares, 10, waiting), (Counts{9, 0, 1})) << i;
        shares.age(waiting, begin + i * kBound);
    }
}

TEST(Shares, ALaneWithoutWorkDoesNotAge) {
    Shares shares(kLanes, 1, {.strict = true, .age_max = milliseconds(1000)});
    const MonoTime begin{};
    shares.age(Counts{10, 0, 10}, begin);
    shares.age(Counts{10, 0, 0}, begin + milliseconds(900));
    shares.age(Counts{10, 0, 10}, begin + milliseconds(1000));
    EXPECT_EQ(fill(shares, 5, {10, 0, 10}), (Counts{5, 0, 0}));
}

TEST(Shares, AFavouredLaneGoesFirstOnce) {
    Shares shares(kLanes, 1, {});
    shares.favour(2);
    EXPECT_EQ(shares.order(Counts{}).front(), 2U);
    EXPECT_EQ(shares.pick(Counts{5, 5, 0}, Counts{}), 0U);  // The favoured lane has nothing yet.
    EXPECT_EQ(shares.pick(Counts{5, 5, 5}, Counts{}), 2U);
    EXPECT_EQ(shares.pick(Counts{5, 5, 5}, Counts{}), 1U);
}

TEST(Shares, PicksNothingWithoutWork) {
    Shares shares(kLanes, 100, {});
    EXPECT_FALSE(shares.pick(Counts{}, Counts{}));
}

TEST(Shares, OrdersLanesForACallerThatAsksOneByOne) {
    Shares shares(kLanes, 1, {});
    EXPECT_EQ(shares.order(Counts{}), (std::vector<LaneIndex>{0, 1, 2}));
    shares.charge(0, 1);
    EXPECT_EQ(shares.order(Counts{}), (std::vector<LaneIndex>{1, 2, 0}));
    const std::vector<LaneIndex> others{1, 2};
    EXPECT_EQ(shares.part(0, others, 10), 6U);
    EXPECT_EQ(shares.part(2, {}, 7), 7U);
}

}  // namespace
}  // namespace millrace::schedule
