#include "worker/backends/serving/pool/latency_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/backends/serving/pool/start.h"

namespace millrace::backends::serving::pool {
namespace {

TEST(LatencyEstimate, KnowsNothingBeforeTheFirstCall) {
    const LatencyEstimate estimate;
    EXPECT_FALSE(estimate.value());
    EXPECT_FALSE(estimate.faded(kStart));
}

TEST(LatencyEstimate, JumpsUpAndComesDownSlowly) {
    LatencyEstimate estimate(milliseconds(10'000));
    estimate.observe(10, kStart);
    estimate.observe(100, kStart);
    EXPECT_DOUBLE_EQ(*estimate.value(), 100);
    estimate.observe(10, kStart + milliseconds(10'000));
    EXPECT_NEAR(*estimate.value(), 10 + 90 / std::exp(1.0), 1e-9);
}

TEST(LatencyEstimate, FadesWithoutCalls) {
    LatencyEstimate estimate(milliseconds(10'000));
    estimate.observe(100, kStart);
    EXPECT_NEAR(*estimate.faded(kStart + milliseconds(20'000)), 100 / std::exp(2.0), 1e-9);
    EXPECT_DOUBLE_EQ(*estimate.value(), 100);
}

}  // namespace
}  // namespace millrace::backends::serving::pool
