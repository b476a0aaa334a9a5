#include "worker/consume/offset_tracker.h"

#include <gtest/gtest.h>

namespace millrace::consume {
namespace {

using std::chrono::seconds;

class OffsetTrackerTest : public testing::Test {
 protected:
    schedule::MessageRef track(std::int64_t offset) { return tracker_.track("t", 0, offset, now_); }
    void finish(schedule::MessageRef ref) { tracker_.finish(std::vector{ref}); }
    // Returns the offset that it advanced to; -1: it did not advance.
    std::int64_t advance() {
        const auto advances = tracker_.advance(now_);
        return advances.empty() ? -1 : advances.front().offset;
    }

    OffsetTracker tracker_{{.lag_messages_max = 5, .lag_max = seconds(30)}};
    MonoTime now_{};
};

TEST_F(OffsetTrackerTest, AdvancesOverTheContiguousRunOnly) {
    const auto a = track(10);
    const auto b = track(11);
    const auto c = track(13);
    finish(c);
    EXPECT_EQ(advance(), -1);
    finish(a);
    EXPECT_EQ(advance(), 10);
    finish(b);
    EXPECT_EQ(advance(), 13);
    EXPECT_EQ(advance(), -1);
}

TEST_F(OffsetTrackerTest, GivesUpTheOldestAfterTooManyMessages) {
    track(0);
    for (int i = 1; i < 5; ++i) finish(track(i));
    EXPECT_EQ(advance(), -1);
    finish(track(5));
    EXPECT_EQ(advance(), 5);
}

TEST_F(OffsetTrackerTest, GivesUpTheOldestAfterTooLong) {
    const auto stuck = track(0);
    now_ += seconds(20);
    track(1);
    now_ += seconds(11);
    EXPECT_EQ(advance(), 0);
    finish(stuck);  // Late: nothing happens.
    EXPECT_EQ(advance(), -1);
}

TEST_F(OffsetTrackerTest, RestartsARedeliveredPartition) {
    track(0);
    track(1);
    finish(track(0));
    EXPECT_EQ(advance(), 0);
    finish(track(1));
    EXPECT_EQ(advance(), 1);
}

TEST_F(OffsetTrackerTest, KeepsPartitionsApart) {
    const auto a = tracker_.track("t", 0, 7, now_);
    tracker_.track("t", 1, 7, now_);
    finish(a);
    const auto advances = tracker_.advance(now_);
    ASSERT_EQ(advances.size(), 1U);
    EXPECT_EQ(advances.front().partition, 0);
}

}  // namespace
}  // namespace millrace::consume
