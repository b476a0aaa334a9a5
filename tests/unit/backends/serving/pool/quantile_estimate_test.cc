#include "worker/backends/serving/pool/quantile_estimate.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::backends::serving::pool {
namespace {

TEST(QuantileEstimate, FindsTheQuantileFromAfarAndFollowsIt) {
    test::SeededRandom random;
    QuantileEstimate estimate(0.75, 256);
    for (int i = 0; i < 1000; ++i) estimate.observe(1 + 100 * random.unit());
    EXPECT_NEAR(estimate.value(), 76, 25);
    for (int i = 0; i < 1000; ++i) estimate.observe(10 + 1000 * random.unit());
    EXPECT_NEAR(estimate.value(), 760, 250);
}

}  // namespace
}  // namespace millrace::backends::serving::pool
