#include "worker/backends/llama/saved_sequences.h"

#include <gtest/gtest.h>

#include <utility>

namespace millrace::backends::llama {
namespace {

SavedSequences::Saved saved(std::vector<Token> tokens, std::size_t bytes) {
    return {.tokens = std::move(tokens),
            .state = {.data = std::make_unique<std::byte[]>(bytes), .size = bytes}};
}

TEST(SavedSequences, FindsTheLongestSharedBeginning) {
    SavedSequences sequences(100);
    sequences.add(saved({1, 2, 3, 4}, 10));
    sequences.add(saved({1, 2, 9}, 10));
    const std::vector<Token> tokens{1, 2, 3, 7};
    const auto match = sequences.find(tokens);
    ASSERT_NE(match.saved, nullptr);
    EXPECT_EQ(match.saved->tokens, (std::vector<Token>{1, 2, 3, 4}));
    EXPECT_EQ(match.shared, 3U);
    const std::vector<Token> other{5};
    EXPECT_EQ(sequences.find(other).saved, nullptr);
}

TEST(SavedSequences, TheLeastRecentlyUsedMakesRoom) {
    SavedSequences sequences(30);
    sequences.add(saved({1}, 10));
    sequences.add(saved({2}, 10));
    sequences.add(saved({3}, 10));
    const std::vector<Token> first{1};
    sequences.touch(*sequences.find(first).saved);
    sequences.add(saved({4}, 20));
    EXPECT_EQ(sequences.bytes(), 30U);
    EXPECT_NE(sequences.find(first).saved, nullptr);
    EXPECT_EQ(sequences.find(std::vector<Token>{2}).saved, nullptr);
    EXPECT_EQ(sequences.find(std::vector<Token>{3}).saved, nullptr);
}

TEST(SavedSequences, ANewOneReplacesTheOneThatItExtends) {
    SavedSequences sequences(100);
    sequences.add(saved({1, 2}, 10));
    sequences.add(saved({1, 3}, 10));
    sequences.add(saved({1, 2, 4}, 15));
    EXPECT_EQ(sequences.size(), 2U);
    EXPECT_EQ(sequences.bytes(), 25U);
}

TEST(SavedSequences, KeepsNothingWithoutRoom) {
    const SavedSequences sequences(0);
    EXPECT_FALSE(sequences.fits(1));
    EXPECT_TRUE(SavedSequences(10).fits(10));
}

}  // namespace
}  // namespace millrace::backends::llama
