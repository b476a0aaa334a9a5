#include "common/broker/kafka/spread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace millrace::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr MonoTime kStart = MonoTime(1h);

std::vector<std::uint32_t> batch(kafka::Spread& spread, MonoTime now, std::size_t count) {
    spread.begin_batch(now);
    std::vector<std::uint32_t> slots;
    while (slots.size() < count) slots.push_back(spread.next());
    return slots;
}

TEST(Spread, GivesEachMessageItsOwnSlotAfterSilence) {
    kafka::Spread spread;
    EXPECT_THAT(batch(spread, kStart, 4), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(batch(spread, kStart + kafka::kSpreadSilence, 3), ElementsAre(5, 6, 7));
}

TEST(Spread, KeepsABatchTogetherWhileBatchesFollowClosely) {
    kafka::Spread spread;
    batch(spread, kStart, 1);
    EXPECT_THAT(batch(spread, kStart + 2ms, 4), ElementsAre(2, 2, 2, 2));
    EXPECT_THAT(batch(spread, kStart + 4ms, 2), ElementsAre(3, 3));
}

TEST(Spread, SplitsLargeBatches) {
    kafka::Spread spread;
    batch(spread, kStart, 1);
    const auto slots = batch(spread, kStart + 1ms, 3 * kafka::kSpreadRunMax);
    EXPECT_EQ(std::set(slots.begin(), slots.end()).size(), 3U);
}

}  // namespace
}  // namespace millrace::broker
