#include "common/runtime/processors.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace millrace::runtime {
namespace {

std::vector<int> allowed() {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    std::vector<int> processors;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(static_cast<unsigned>(i), &set)) processors.push_back(i);
    }
    return processors;
}

TEST(ThreadBinding, HoldsForTheThreadAndWhatItStartsAndEnds) {
    const auto before = allowed();
    {
        const ThreadBinding binding(std::array{before.back()});
        EXPECT_TRUE(binding.ok());
        EXPECT_EQ(allowed(), std::vector{before.back()});
        std::vector<int> inherited;
        std::jthread([&] { inherited = allowed(); }).join();
        EXPECT_EQ(inherited, std::vector{before.back()});
    }
    EXPECT_EQ(allowed(), before);
}

TEST(ThreadBinding, ChangesNothingIfItIsEmpty) {
    const auto before = allowed();
    const ThreadBinding binding({});
    EXPECT_TRUE(binding.ok());
    EXPECT_EQ(allowed(), before);
}

TEST(ThreadBinding, FailsIfNoneOfTheProcessorsExists) {
    const auto before = allowed();
    const ThreadBinding binding(std::array{CPU_SETSIZE - 1});
    EXPECT_FALSE(binding.ok());
    EXPECT_EQ(allowed(), before);
}

}  // namespace
}  // namespace millrace::runtime
