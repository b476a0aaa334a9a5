// Which hints a worker uses, and for how long.
#include "worker/consume/lane_hints.h"

#include <gtest/gtest.h>

namespace millrace::consume {
namespace {

constexpr milliseconds kNow{1'000'000};
constexpr milliseconds kInterval{1000};

class LaneHintsTest : public testing::Test {
 protected:
    static wire::LaneHints hint(milliseconds measured_at, milliseconds oldest) {
        return {.measured_at = measured_at,
                .interval = kInterval,
                .lanes = {{"b", Priority::kHigh, milliseconds(1)},
                          {"a", Priority::kLow, milliseconds(2)},
                          {"a", Priority::kHigh, oldest}}};
    }

    LaneHints hints_{{{"a", Priority::kHigh}, {"c", Priority::kHigh}}, kInterval};
};

TEST_F(LaneHintsTest, SaysHowOldTheLanesAre) {
    EXPECT_FALSE(hints_.oldest(0, kNow));
    hints_.take(hint(kNow, milliseconds(300)));
    EXPECT_EQ(hints_.oldest(0, kNow), milliseconds(300));
    EXPECT_FALSE(hints_.oldest(1, kNow)) << "nothing was said about that queue";
}

TEST_F(LaneHintsTest, ForgetsHintsMeasuredTooLongAgo) {
    hints_.take(hint(kNow, milliseconds(300)));
    EXPECT_TRUE(hints_.oldest(0, kNow + kInterval * 3 / 2));
    EXPECT_FALSE(hints_.oldest(0, kNow + kInterval * 3 / 2 + milliseconds(1)));
}

TEST_F(LaneHintsTest, KeepsTheNewestWhateverOrderTheyComeIn) {
    hints_.take(hint(kNow, milliseconds(300)));
    hints_.take(hint(kNow - milliseconds(500), milliseconds(0)));
    EXPECT_EQ(hints_.oldest(0, kNow), milliseconds(300));
    hints_.take(hint(kNow + milliseconds(1), milliseconds(0)));
    EXPECT_EQ(hints_.oldest(0, kNow), milliseconds(0));
}

TEST_F(LaneHintsTest, DoesNotRelyOnHintsFromBeforeAStepOfTheClock) {
    hints_.take(hint(kNow, milliseconds(0)));
    EXPECT_FALSE(hints_.oldest(0, kNow - std::chrono::hours(1)));
    EXPECT_FALSE(hints_.oldest(0, kNow + std::chrono::hours(1)));
}

TEST_F(LaneHintsTest, IgnoresHintsThatComeTooRarely) {
    auto rare = hint(kNow, milliseconds(0));
    rare.interval = kInterval + milliseconds(1);
    hints_.take(rare);
    EXPECT_FALSE(hints_.oldest(0, kNow));
}

}  // namespace
}  // namespace millrace::consume
