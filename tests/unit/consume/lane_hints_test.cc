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
                .is_complete = true,
                .lanes = {{"b", Priority::kHigh, "m", milliseconds(1000)},
                          {"a", Priority::kLow, "m", milliseconds(1000)},
                          {"a", Priority::kHigh, "m", oldest},
                          {"a", Priority::kHigh, "n", milliseconds(2)}}};
    }
    std::optional<milliseconds> oldest(std::vector<std::string> models, milliseconds now = kNow,
                                       schedule::LaneIndex lane = 0) const {
        return hints_.oldest(lane, models, now);
    }

    LaneHints hints_{{{"a", Priority::kHigh}, {"c", Priority::kHigh}}, kInterval};
};

TEST_F(LaneHintsTest, SayHowLongTheJobsOfModelsHaveWaited) {
    EXPECT_FALSE(oldest({"m"}));
    hints_.take(hint(kNow, milliseconds(300)));
    EXPECT_EQ(oldest({"m"}), milliseconds(300));
    EXPECT_EQ(oldest({"n"}), milliseconds(2));
    EXPECT_EQ(oldest({"n", "m"}), milliseconds(300));
    EXPECT_EQ(oldest({"other"}), milliseconds(0)) << "no job waits for it";
    EXPECT_EQ(oldest({"m"}, kNow, 1), milliseconds(0)) << "no job waits in that lane";
}

TEST_F(LaneHintsTest, SayNothingAboutWhatAnIncompleteMessageLeavesOut) {
    auto incomplete = hint(kNow, milliseconds(300));
    incomplete.is_complete = false;
    hints_.take(incomplete);
    EXPECT_EQ(oldest({"m"}), milliseconds(300));
    EXPECT_FALSE(oldest({"other"}));
    EXPECT_FALSE(oldest({"m", "other"}));
    EXPECT_FALSE(oldest({"m"}, kNow, 1));
}

// Gateways of an earlier version do not tell models apart.
TEST_F(LaneHintsTest, CountForAllModelsIfTheyNameNone) {
    hints_.take({.measured_at = kNow,
                 .interval = kInterval,
                 .lanes = {{"a", Priority::kHigh, "", milliseconds(300)}}});
    EXPECT_EQ(oldest({"m", "other"}), milliseconds(300));
}

TEST_F(LaneHintsTest, AreForgottenWhenTheyWereMeasuredTooLongAgo) {
    hints_.take(hint(kNow, milliseconds(300)));
    EXPECT_TRUE(oldest({"m"}, kNow + kInterval * 3 / 2));
    EXPECT_FALSE(oldest({"m"}, kNow + kInterval * 3 / 2 + milliseconds(1)));
}

TEST_F(LaneHintsTest, AreTheNewestWhateverOrderTheyComeIn) {
    hints_.take(hint(kNow, milliseconds(300)));
    hints_.take(hint(kNow - milliseconds(500), milliseconds(0)));
    EXPECT_EQ(oldest({"m"}), milliseconds(300));
    hints_.take(hint(kNow + milliseconds(1), milliseconds(0)));
    EXPECT_EQ(oldest({"m"}), milliseconds(0));
}

TEST_F(LaneHintsTest, AreNotReliedOnFromBeforeAStepOfTheClock) {
    hints_.take(hint(kNow, milliseconds(0)));
    EXPECT_FALSE(oldest({"m"}, kNow - std::chrono::hours(1)));
    EXPECT_FALSE(oldest({"m"}, kNow + std::chrono::hours(1)));
}

TEST_F(LaneHintsTest, AreIgnoredIfTheyComeTooRarely) {
    auto rare = hint(kNow, milliseconds(0));
    rare.interval = kInterval + milliseconds(1);
    hints_.take(rare);
    EXPECT_FALSE(oldest({"m"}));
}

}  // namespace
}  // namespace millrace::consume
