// Waits for a condition that another thread or process brings about.
//
//   EXPECT_TRUE(eventually([&] { return worker.slots_free() == 4; }, "all slots free"));
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string_view>

namespace millrace::test {

// Checks every few milliseconds. The deadline only matters to a test that fails. It does not say
// how fast the condition should come, and is generous because sanitizers and parallel tests slow it
// down.
testing::AssertionResult eventually(const std::function<bool()>& predicate,
                                    std::string_view what = "the condition",
                                    std::chrono::milliseconds deadline = std::chrono::seconds(30));

}  // namespace millrace::test
