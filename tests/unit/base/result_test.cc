#include "common/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace millrace {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return Error{ErrorCode::kInvalidArgument, "odd"};
    return number / 2;
}

Result<int> quarter(int number) {
    TRY(const int once, half(number));
    TRY(const int twice, half(once));
    return twice;
}

Status must_be_even(int number) {
    TRY_STATUS(half(number));
    return ok();
}

TEST(Try, BindsTheValueOrReturnsTheError) {
    ASSERT_TRUE(quarter(12).has_value());
    EXPECT_EQ(*quarter(12), 3);
    ASSERT_FALSE(quarter(6).has_value());
    EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Try, MovesValuesThatCannotBeCopied) {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
    const auto use = [&]() -> Result<int> {
        TRY(const auto pointer, make());
        return *pointer;
    };
    EXPECT_EQ(*use(), 5);
}

TEST(TryStatus, PassesOnlyErrorsOn) {
    EXPECT_TRUE(must_be_even(2).has_value());
    EXPECT_EQ(must_be_even(3).error().code, ErrorCode::kInvalidArgument);
}

TEST(Result, ValueOfAnErrorThrowsItsText) {
    try {
        (void)half(1).value();
        FAIL() << "did not throw";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "invalid_argument: odd");
    }
}

}  // namespace
}  // namespace millrace
