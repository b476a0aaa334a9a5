#include "worker/backends/llama/step_pace.h"

#include <gtest/gtest.h>

namespace millrace::backends::llama {
namespace {

using Seconds = StepPace::Seconds;

// Runs steps of a model that takes this long for each token, until the pace is stable.
int settled(StepPace& pace, double seconds_per_token) {
    for (int i = 0; i < 50; ++i) {
        const int tokens = pace.tokens_max();
        pace.observe(tokens, Seconds(tokens * seconds_per_token));
    }
    return pace.tokens_max();
}

TEST(StepPace, FindsHowMuchFitsIntoAStep) {
    StepPace pace(Seconds(0.25), 4096);
    EXPECT_NEAR(settled(pace, 0.001), 250, 3);
    EXPECT_NEAR(settled(pace, 0.0025), 100, 3);
}

TEST(StepPace, StaysBetweenItsLimits) {
    StepPace pace(Seconds(0.25), 512);
    EXPECT_EQ(settled(pace, 1e-6), 512);
    EXPECT_EQ(settled(pace, 10), StepPace::kTokensMin);
}

TEST(StepPace, OneSlowStepDoesNotStallTheNext) {
    StepPace pace(Seconds(0.25), 512);
    const int before = settled(pace, 0.001);
    pace.observe(before, Seconds(100));
    EXPECT_GE(pace.tokens_max(), before / 2);
}

TEST(StepPace, LearnsNothingFromShortSteps) {
    StepPace pace(Seconds(0.25), 512);
    const int before = pace.tokens_max();
    pace.observe(1, Seconds(1));
    EXPECT_EQ(pace.tokens_max(), before);
}

}  // namespace
}  // namespace millrace::backends::llama
