#include "worker/backends/serving/pool/concurrency_limit.h"

#include <gtest/gtest.h>

#include "tests/unit/backends/serving/pool/start.h"

namespace millrace::backends::serving::pool {
namespace {

MonoTime at(int ms) {
    return kStart + milliseconds(ms);
}

void succeed(ConcurrencyLimit& limit, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) limit.on_success(limit.value());
}

TEST(ConcurrencyLimit, BeginsAtItsMaximumAndStaysThere) {
    ConcurrencyLimit limit(8);
    EXPECT_EQ(limit.value(), 8U);
    succeed(limit, 100);
    EXPECT_EQ(limit.value(), 8U);
}

TEST(ConcurrencyLimit, CutsOnceARoundTrip) {
    ConcurrencyLimit limit(10);
    limit.on_refusal(at(0), at(50));
    EXPECT_EQ(limit.value(), 7U);
    limit.on_refusal(at(10), at(60));
    limit.on_refusal(at(49), at(70));
    EXPECT_EQ(limit.value(), 7U);
    limit.on_refusal(at(50), at(100));
    EXPECT_EQ(limit.value(), 4U);
}

TEST(ConcurrencyLimit, DoesNotGrowWhileCallsWaitInTheServer) {
    ConcurrencyLimit limit(10);
    limit.on_refusal(at(0), at(1));
    limit.on_queue(1, 7, at(10), at(11));
    succeed(limit, 100);
    EXPECT_EQ(limit.value(), 7U);
    limit.on_queue(0, 7, at(20), at(21));
    succeed(limit, 7);
    EXPECT_EQ(limit.value(), 8U);
}

TEST(ConcurrencyLimit, IsCutOnceByALongQueueInTheServer) {
    ConcurrencyLimit limit(10);
    limit.on_queue(5, 10, at(0), at(1));
    EXPECT_EQ(limit.value(), 10U);
    limit.on_queue(6, 10, at(10), at(11));
    EXPECT_EQ(limit.value(), 7U);
    // The calls in flight beyond the limit have to end first.
    limit.on_queue(6, 9, at(20), at(21));
    EXPECT_EQ(limit.value(), 7U);
    limit.on_queue(6, 7, at(30), at(31));
    EXPECT_EQ(limit.value(), 4U);
}

TEST(ConcurrencyLimit, NeverFallsBelowOne) {
    ConcurrencyLimit limit(2);
    for (int i = 0; i < 10; ++i) limit.on_refusal(at(i), at(i));
    EXPECT_EQ(limit.value(), 1U);
}

TEST(ConcurrencyLimit, GrowsByOneAWindow) {
    ConcurrencyLimit limit(10);
    limit.on_refusal(at(0), at(1));
    ASSERT_EQ(limit.value(), 7U);
    succeed(limit, 6);
    EXPECT_EQ(limit.value(), 7U);
    succeed(limit, 1);
    EXPECT_EQ(limit.value(), 8U);
    succeed(limit, 8);
    EXPECT_EQ(limit.value(), 9U);
}

TEST(ConcurrencyLimit, DoesNotGrowWhenItIsNotInUse) {
    ConcurrencyLimit limit(10);
    limit.on_refusal(at(0), at(1));
    for (int i = 0; i < 100; ++i) limit.on_success(3);
    EXPECT_EQ(limit.value(), 7U);
    for (int i = 0; i < 7; ++i) limit.on_success(4);
    EXPECT_EQ(limit.value(), 8U);
}

TEST(ConcurrencyLimit, ReturnsFastFromAnOutage) {
    ConcurrencyLimit limit(64);
    for (int i = 0; i < 20; ++i) limit.on_refusal(at(i), at(i));
    ASSERT_EQ(limit.value(), 1U);
    // The limit doubles in each window up to 0.7 of its former value.
    std::size_t windows = 0;
    for (; limit.value() < 44; ++windows) succeed(limit, limit.value());
    EXPECT_LE(windows, 6U);
    const auto before = limit.value();
    succeed(limit, before + 1);
    EXPECT_LE(limit.value(), before + 2);
}

TEST(ConcurrencyLimit, AdaptsToLessCapacity) {
    ConcurrencyLimit limit(64);
    for (int i = 0; i < 4; ++i) limit.on_refusal(at(i), at(i));
    ASSERT_EQ(limit.value(), 15U);
    succeed(limit, 5);
    ASSERT_EQ(limit.value(), 20U);
    limit.on_refusal(at(5), at(6));
    ASSERT_EQ(limit.value(), 14U);
    // A call has succeeded since the last cut, so this is not an outage, and the way back is slow.
    succeed(limit, 5);
    EXPECT_EQ(limit.value(), 14U);
}

}  // namespace
}  // namespace millrace::backends::serving::pool
