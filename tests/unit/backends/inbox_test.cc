#include "worker/backends/inbox.h"

#include <gtest/gtest.h>

#include "tests/unit/backends/recording_sink.h"

namespace millrace::backends {
namespace {

std::vector<Execution> batch_of_one() {
    std::vector<Execution> batch;
    batch.push_back(make_execution({.model = "m", .input = "{}"}));
    return batch;
}

TEST(Inbox, HandsOverEverythingThatCame) {
    Inbox inbox;
    auto batch = batch_of_one();
    const auto key = batch.front().job.key;
    ASSERT_TRUE(inbox.post(batch));
    inbox.post(Inbox::Abort{key, AbortReason::kCancelled});
    const auto news = inbox.wait(MonoTime::max());
    ASSERT_EQ(news.batches.size(), 1U);
    EXPECT_EQ(news.batches.front().front().job.key, key);
    ASSERT_EQ(news.aborts.size(), 1U);
    EXPECT_EQ(news.aborts.front().reason, AbortReason::kCancelled);
    EXPECT_FALSE(news.closed);
    EXPECT_TRUE(inbox.take().batches.empty());
}

TEST(Inbox, EndsTheWaitAtTheDeadline) {
    Inbox inbox;
    const auto news = inbox.wait(system_clock().now());
    EXPECT_TRUE(news.batches.empty());
    EXPECT_FALSE(news.closed);
}

TEST(Inbox, TakesNothingMoreOnceClosed) {
    Inbox inbox;
    auto before = batch_of_one();
    ASSERT_TRUE(inbox.post(before));
    inbox.close();
    auto after = batch_of_one();
    EXPECT_FALSE(inbox.post(after));
    EXPECT_EQ(after.size(), 1U);
    const auto news = inbox.wait(MonoTime::max());
    EXPECT_TRUE(news.closed);
    EXPECT_EQ(news.batches.size(), 1U);
}

}  // namespace
}  // namespace millrace::backends
