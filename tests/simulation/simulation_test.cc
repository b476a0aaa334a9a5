// Thousands of simulated worlds: in none of them may an invariant be violated.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/log.h"

namespace millrace::simulation {
namespace {

class SimulationTest : public testing::Test {
 protected:
    // Warnings are what a storm is made of.
    static void SetUpTestSuite() {
        init_logging({.level = LogLevel::kError, .program = "simulation_test"});
    }
};

TEST_F(SimulationTest, NoSeedViolatesAnInvariant) {
    for (std::uint64_t seed = 1; seed <= MILLRACE_SIMULATION_SEEDS; ++seed) {
        const auto report = simulate(seed);
        ASSERT_EQ(report.verdict, "")
            << "to see it: millrace-simulate --seeds " << seed << " --trace";
    }
}

TEST_F(SimulationTest, ASeedIsTheSameRunEachTime) {
    const auto told = [](std::uint64_t seed) {
        std::vector<std::string> lines;
        const auto report =
            simulate(seed, {.trace = [&](const std::string& line) { lines.push_back(line); }});
        lines.push_back(std::to_string(report.fingerprint));
        return lines;
    };
    for (std::uint64_t seed = 1; seed <= 10; ++seed) EXPECT_EQ(told(seed), told(seed));
    EXPECT_NE(told(1), told(2));
}

}  // namespace
}  // namespace millrace::simulation
