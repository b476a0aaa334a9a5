// Thousands of simulated worlds: none of them may violate an invariant.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/base/log.h"

namespace millrace::simulation {
namespace {

class SimulationTest : public testing::Test {
 protected:
    // A storm consists of warnings, so they are not logged.
    static void SetUpTestSuite() {
        init_logging({.level = LogLevel::kError, .program = "simulation_test"});
    }
};

TEST_F(SimulationTest, NoSeedViolatesAnInvariant) {
    std::size_t preemptions = 0;
    for (std::uint64_t seed = 1; seed <= MILLRACE_SIMULATION_SEEDS; ++seed) {
        const auto report = simulate(seed);
        preemptions += report.preemptions;
        ASSERT_EQ(report.verdict, "")
            << "to see it: millrace-simulate --seeds " << seed << " --trace";
    }
    EXPECT_GT(preemptions, 0U);
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

// A guard whose absence no seed notices is not needed: each must be needed in some world.
class MutationTest : public SimulationTest,
                     public testing::WithParamInterface<test::MutationInfo> {};

TEST_P(MutationTest, IsFoundOut) {
    constexpr std::uint64_t kSeedsMax = 5000;
    for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
        const auto report = simulate(seed, {.mutation = GetParam().mutation});
        if (report.verdict.empty()) continue;
        RecordProperty("seed", std::to_string(seed));
        RecordProperty("verdict", report.verdict);
        return;
    }
    FAIL() << "no seed up to " << kSeedsMax << " misses " << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(Guards, MutationTest, testing::ValuesIn(test::kMutations),
                         [](const auto& mutation) {
                             std::string name(mutation.param.name);
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace millrace::simulation
