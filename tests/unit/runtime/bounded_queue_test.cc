#include "common/runtime/bounded_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "common/runtime/thread.h"

namespace millrace::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const MonoTime kNow = MonoTime::min();  // A deadline that has passed.

TEST(BoundedQueue, GivesValuesInTheOrderTheyCame) {
    BoundedQueue<int> queue(3);
    EXPECT_TRUE(queue.push(1, kNow));
    EXPECT_TRUE(queue.push(2, kNow));
    EXPECT_EQ(queue.pop(kNow), 1);
    EXPECT_EQ(queue.pop(kNow), 2);
    EXPECT_EQ(queue.pop(kNow), std::nullopt);
}

TEST(BoundedQueue, RefusesItemsThatDoNotFitAndLeavesThemIntact) {
    BoundedQueue<std::unique_ptr<int>> queue(1);
    EXPECT_TRUE(queue.push(std::make_unique<int>(1), kNow));
    auto second = std::make_unique<int>(2);
    EXPECT_FALSE(queue.try_push(second));
    ASSERT_NE(second, nullptr);
    EXPECT_FALSE(queue.push(std::move(second), system_clock().now()));
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(queue.size(), 1U);
}

TEST(BoundedQueue, PopAllTakesTheQueuedItemsUpToTheLimit) {
    BoundedQueue<int> queue(10);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.push(int{i}, kNow));
    EXPECT_THAT(queue.pop_all(3, kNoDeadline), ElementsAre(0, 1, 2));
    EXPECT_THAT(queue.pop_all(3, kNoDeadline), ElementsAre(3, 4));
    EXPECT_THAT(queue.pop_all(3, kNow), IsEmpty());
}

TEST(BoundedQueue, AfterCloseAcceptsNothingAndReturnsTheRest) {
    BoundedQueue<int> queue(2);
    EXPECT_TRUE(queue.push(1, kNow));
    queue.close();
    queue.close();
    EXPECT_TRUE(queue.closed());
    EXPECT_FALSE(queue.push(2, kNow));
    EXPECT_EQ(queue.pop(kNoDeadline), 1);
    EXPECT_EQ(queue.pop(kNoDeadline), std::nullopt);
}

TEST(BoundedQueue, CloseWakesWaitingPushersAndPoppers) {
    BoundedQueue<int> full(1);
    BoundedQueue<int> empty(1);
    EXPECT_TRUE(full.push(1, kNow));
    bool pushed = true;
    std::optional<int> popped = 1;
    Thread pusher("pusher", [&](const std::stop_token&) { pushed = full.push(2, kNoDeadline); });
    Thread popper("popper", [&](const std::stop_token&) { popped = empty.pop(kNoDeadline); });
    full.close();
    empty.close();
    pusher.join();
    popper.join();
    EXPECT_FALSE(pushed);
    EXPECT_EQ(popped, std::nullopt);
}

TEST(BoundedQueue, LosesAndRepeatsNothingBetweenManyThreads) {
    constexpr int kPerThread = 5000;
    BoundedQueue<int> queue(7);
    std::vector<std::vector<int>> taken(3);
    {
        std::vector<Thread> poppers;
        for (auto& mine : taken) {
            poppers.emplace_back("popper", [&](const std::stop_token&) {
                for (;;) {
                    const auto values = queue.pop_all(4, kNoDeadline);
                    if (values.empty()) return;
                    mine.insert(mine.end(), values.begin(), values.end());
                }
            });
        }
        {
            std::vector<Thread> pushers;
            for (int t = 0; t < 3; ++t) {
                pushers.emplace_back("pusher", [&queue, t](const std::stop_token&) {
                    for (int i = 0; i < kPerThread; ++i) {
                        ASSERT_TRUE(queue.push(t * kPerThread + i, kNoDeadline));
                    }
                });
            }
        }
        queue.close();
    }
    std::vector<int> all;
    for (const auto& mine : taken) all.insert(all.end(), mine.begin(), mine.end());
    std::ranges::sort(all);
    std::vector<int> expected(3 * kPerThread);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace millrace::runtime
