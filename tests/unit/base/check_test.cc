#include "common/base/check.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(CheckDeathTest, StopsTheProcessAndSaysWhichConditionFailed) {
    const int answer = 41;
    EXPECT_DEATH(CHECK(answer == 42), "CHECK failed: answer == 42 at .*check_test.cc");
}

TEST(Check, PassesInSilence) {
    CHECK(1 + 1 == 2);
}

}  // namespace
}  // namespace millrace
