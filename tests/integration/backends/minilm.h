// Helpers for the tests of all-MiniLM-L6-v2, whatever it runs on.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <vector>

#include "common/process/program.h"

namespace millrace::backends {

// The cosine by the model's own library for "A man is eating food." and "A man is eating a piece of
// bread."
inline constexpr double kMiniLmCosine = 0.7553;

// Returns the cosine of two vectors of length 1.
inline double cosine(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// For SetUp: returns true if the test may go on. Otherwise the test is skipped with a reason, or
// fails if the environment has CI.
inline bool minilm_is_there() {
    if (std::filesystem::exists(millrace::process::cache_directory() / "minilm/python/tokenizers"))
        return true;
    [] {
        if (std::getenv("CI") == nullptr) {
            GTEST_SKIP() << "the model is missing: run deploy/fetch-minilm.sh";
        }
        FAIL() << "deploy/fetch-minilm.sh fetched nothing";
    }();
    return false;
}

}  // namespace millrace::backends
