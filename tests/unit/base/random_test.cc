#include "common/base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace millrace {
namespace {

class FixedRandom final : public Random {
 public:
    explicit FixedRandom(std::uint64_t value) : value_(value) {}
    std::uint64_t next() override { return value_; }

 private:
    std::uint64_t value_;
};

TEST(Random, UnitStaysBelowOneAtBothEnds) {
    FixedRandom least(0);
    FixedRandom most(~std::uint64_t{0});
    EXPECT_EQ(least.unit(), 0.0);
    EXPECT_LT(most.unit(), 1.0);
}

TEST(Random, BelowStaysBelowItsBound) {
    for (int i = 0; i < 1000; ++i) EXPECT_LT(system_random().below(7), 7U);
}

TEST(SystemRandom, GivesEachThreadItsOwnSequence) {
    std::uint64_t other = 0;
    std::jthread([&] { other = system_random().next(); }).join();
    EXPECT_NE(other, system_random().next());
}

}  // namespace
}  // namespace millrace
