// What the tests of all-MiniLM-L6-v2 have in common, whatever it runs on.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <vector>

#include "common/process/program.h"

namespace millrace::worker {

// What the model's own library gives for "A man is eating food." and "A man is eating a piece of
// bread."
inline constexpr double kMiniLmCosine = 0.7553;

// Of vectors of length 1.
inline double cosine(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// For SetUp: true when the test may go on; otherwise it is skipped and says why, or fails where
// the environment has CI.
inline bool minilm_is_there() {
    if (std::filesystem::exists(process::cache_directory() / "minilm/python/tokenizers"))
        return true;
    [] {
        if (std::getenv("CI") == nullptr) {
            GTEST_SKIP() << "the model is missing: run deploy/fetch-minilm.sh";
        }
        FAIL() << "deploy/fetch-minilm.sh fetched nothing";
    }();
    return false;
}

}  // namespace millrace::worker
