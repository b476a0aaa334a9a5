#include "worker/backends/serving/pool/endpoint_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "tests/support/seeded_random.h"

namespace millrace::backends::serving::pool {
namespace {

class EndpointPoolTest : public testing::Test {
 protected:
    void make(const std::vector<EndpointCapacity>& endpoints) {
        pool_ = std::make_unique<EndpointPool>(endpoints, random_);
        all_.resize(endpoints.size());
        std::iota(all_.begin(), all_.end(), EndpointIndex{0});
    }
    std::optional<EndpointIndex> choose(const CallPlan& plan = {.tokens = 100}) {
        return pool_->choose(plan, all_, now_);
    }
    EndpointPool::CallId begin(EndpointIndex endpoint, const CallPlan& plan = {.tokens = 100}) {
        return pool_->begin(endpoint, plan, now_);
    }
    void call(EndpointIndex endpoint, CallResult result, milliseconds time = milliseconds(10)) {
        const auto id = begin(endpoint);
        now_ += time;
        pool_->end(id, {.result = result}, now_);
    }
    void break_it(EndpointIndex endpoint) {
        const auto is_closed = [&] {
            return pool_->view(endpoint, now_).breaker == BreakerState::kClosed;
        };
        for (int i = 0; i < 20 && is_closed(); ++i) {
            call(endpoint, CallResult::kFailed, milliseconds(0));
        }
        ASSERT_EQ(pool_->view(endpoint, now_).breaker, BreakerState::kOpen);
    }
    // Returns how often each endpoint is chosen while no call begins.
    std::map<EndpointIndex, int> choices(const CallPlan& plan = {.tokens = 100}) {
        std::map<EndpointIndex, int> counts;
        for (int i = 0; i < 1000; ++i) ++counts[choose(plan).value()];
        return counts;
    }

    test::SeededRandom random_;
    MonoTime now_{std::chrono::hours(1)};
    std::unique_ptr<EndpointPool> pool_;
    std::vector<EndpointIndex> all_;
};

TEST_F(EndpointPoolTest, SharesTheCallsEvenly) {
    make({{}, {}, {}, {}});
    for (int i = 0; i < 16; ++i) begin(*choose());
    for (EndpointIndex i = 0; i < 4; ++i) {
        EXPECT_NEAR(static_cast<double>(pool_->view(i, now_).in_flight), 4, 1) << i;
    }
}

TEST_F(EndpointPoolTest, KeepsWithinTheSlots) {
    make({{.slots = 2}, {.slots = 1}});
    for (int i = 0; i < 3; ++i) begin(*choose());
    EXPECT_FALSE(choose());
    EXPECT_EQ(pool_->available_in(all_, now_), milliseconds(0));
}

TEST_F(EndpointPoolTest, KeepsWithinTheTokensExceptForASingleCall) {
    make({{.slots = 8, .tokens = 1000}});
    const auto large = begin(choose({.tokens = 5000}).value(), {.tokens = 5000});
    EXPECT_FALSE(choose({.tokens = 1}));
    pool_->end(large, {.result = CallResult::kServed}, now_);
    begin(0, {.tokens = 600});
    EXPECT_FALSE(choose({.tokens = 500}));
    EXPECT_TRUE(choose({.tokens = 400}));
}

TEST_F(EndpointPoolTest, CountsTheTokensThatCameBeyondTheEstimate) {
    make({{.slots = 8, .tokens = 1000}});
    const auto id = begin(0, {.tokens = 600});
    pool_->grow(id, 900);
    pool_->grow(id, 100);
    EXPECT_EQ(pool_->view(0, now_).tokens, 900);
    EXPECT_FALSE(choose({.tokens = 200}));
    pool_->end(id, {.result = CallResult::kServed}, now_);
    EXPECT_EQ(pool_->view(0, now_).tokens, 0);
}

TEST_F(EndpointPoolTest, AvoidsTheSlower) {
    make({{}, {}, {}});
    call(0, CallResult::kServed, milliseconds(100));
    call(1, CallResult::kServed, milliseconds(1000));
    call(2, CallResult::kServed, milliseconds(100));
    EXPECT_EQ(choices().count(1), 0U);
}

TEST_F(EndpointPoolTest, NoticesTheSlowerBeforeItsCallsEnd) {
    make({{}, {}});
    call(0, CallResult::kServed, milliseconds(100));
    call(1, CallResult::kServed, milliseconds(100));
    begin(0);
    now_ += milliseconds(5000);
    begin(1);
    EXPECT_EQ(choices().count(0), 0U);
}

TEST_F(EndpointPoolTest, ALongOutputIsNotSlow) {
    make({{}, {}});
    call(0, CallResult::kServed, milliseconds(100));
    call(1, CallResult::kServed, milliseconds(100));
    const auto id = begin(0);
    now_ += milliseconds(5000);
    pool_->grow(id, 6000);
    pool_->end(id, {.result = CallResult::kServed, .tokens = 6000}, now_);
    begin(1);
    EXPECT_EQ(choices().count(1), 0U);
}

TEST_F(EndpointPoolTest, TriesASlowOneAgainAfterAWhile) {
    make({{}, {}});
    call(0, CallResult::kServed, milliseconds(1000));
    now_ += milliseconds(60'000);
    call(1, CallResult::kServed, milliseconds(100));
    EXPECT_EQ(choose(), 0U);
}

TEST_F(EndpointPoolTest, GoesToAHigherOrderOnlyWhenTheLowerIsOut) {
    make({{.order = 1, .slots = 8}, {.order = 2}});
    std::vector<EndpointPool::CallId> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(begin(choose().value()));
    EXPECT_FALSE(choose());  // A full endpoint is not out.
    EXPECT_EQ(pool_->available_in(all_, now_), milliseconds(0));
    for (const auto id : calls) pool_->end(id, {.result = CallResult::kServed}, now_);
    break_it(0);
    EXPECT_EQ(choose(), 1U);
    now_ += milliseconds(5000);
    EXPECT_EQ(choose(), 0U);  // To be probed.
    begin(0);
    EXPECT_EQ(choose(), 1U);
}

TEST_F(EndpointPoolTest, AProbeGoesFirst) {
    make({{}, {}, {}});
    break_it(2);
    EXPECT_EQ(choices().count(2), 0U);
    now_ += milliseconds(5000);
    EXPECT_EQ(choose(), 2U);
    const auto probe = begin(2);
    EXPECT_EQ(choices().count(2), 0U);
    pool_->answer(probe, now_);
    EXPECT_EQ(pool_->view(2, now_).breaker, BreakerState::kClosed);
    EXPECT_GT(choices()[0], 0);
}

TEST_F(EndpointPoolTest, OddAnswersDoNotEjectTheOnlyEndpoint) {
    make({{}});
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(choose());
        call(0, CallResult::kOdd);
    }
    EXPECT_EQ(pool_->view(0, now_).breaker, BreakerState::kClosed);
    EXPECT_TRUE(pool_->view(0, now_).is_odd);
    EXPECT_EQ(pool_->available_in(all_, now_), milliseconds(0));
    call(0, CallResult::kServed);
    EXPECT_FALSE(pool_->view(0, now_).is_odd);
}

TEST_F(EndpointPoolTest, AnEndpointWithOddAnswersComesAfterTheOthers) {
    make({{.slots = 4}, {.slots = 4}, {.order = 2, .slots = 4}});
    for (int i = 0; i < 5; ++i) call(0, CallResult::kOdd, milliseconds(0));
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(choose(), 1U);
        begin(1);
    }
    EXPECT_FALSE(choose());  // A full endpoint is not out.
    break_it(1);
    EXPECT_EQ(choose(), 2U);
    break_it(2);
    EXPECT_EQ(choose(), 0U);
}

TEST_F(EndpointPoolTest, AnOddOneIsTriedAgainByOneCall) {
    make({{}, {}});
    for (int i = 0; i < 5; ++i) call(0, CallResult::kOdd, milliseconds(0));
    now_ += milliseconds(1000);
    ASSERT_EQ(choose(), 0U);
    const auto probe = begin(0);
    EXPECT_EQ(choices().count(0), 0U);
    pool_->end(probe, {.result = CallResult::kServed}, now_);
    EXPECT_GT(choices()[0], 0);
}

TEST_F(EndpointPoolTest, AdjustsItsSlotsWhenTheyBecomeKnown) {
    make({{.slots = 8}});
    pool_->resize(0, 2);
    for (int i = 0; i < 2; ++i) begin(choose().value());
    EXPECT_FALSE(choose());
    pool_->resize(0, 3);
    EXPECT_TRUE(choose());
}

TEST_F(EndpointPoolTest, SaysWhenThereIsSomethingToWaitFor) {
    make({{}, {}});
    break_it(0);
    EXPECT_EQ(pool_->available_in(all_, now_), milliseconds(0));
    break_it(1);
    EXPECT_FALSE(choose());
    EXPECT_GT(pool_->available_in(all_, now_), milliseconds(799));
    EXPECT_LE(pool_->available_in(all_, now_), milliseconds(1000));
}

TEST_F(EndpointPoolTest, RefusalsCutTheLimitAndNeverOpenTheBreaker) {
    make({{.slots = 10}});
    const auto other = begin(0);
    for (int i = 0; i < 100; ++i) call(0, CallResult::kRefused);
    EXPECT_EQ(pool_->view(0, now_).breaker, BreakerState::kClosed);
    EXPECT_EQ(pool_->view(0, now_).limit, 1U);
    EXPECT_FALSE(choose());
    pool_->end(other, {.result = CallResult::kServed}, now_);
    EXPECT_TRUE(choose());
}

TEST_F(EndpointPoolTest, LeavesABusyEndpointAloneAsLongAsItAsks) {
    make({{}, {.order = 2}});
    const auto id = begin(0);
    pool_->end(id, {.result = CallResult::kRefused, .retry_after = milliseconds(3000)}, now_);
    EXPECT_EQ(choose(), 1U);
    now_ += milliseconds(3000);
    EXPECT_EQ(choose(), 0U);
}

TEST_F(EndpointPoolTest, ARefusalOfTheOnlyCallIsFollowedByARest) {
    make({{}});
    call(0, CallResult::kRefused);
    EXPECT_FALSE(choose());
    EXPECT_EQ(pool_->available_in(all_, now_), milliseconds(1000));
}

TEST_F(EndpointPoolTest, AnUnreachableEndpointIsEjectedAndItsLimitCut) {
    make({{.slots = 10}});
    for (int i = 0; i < 5; ++i) call(0, CallResult::kUnreachable);
    EXPECT_EQ(pool_->view(0, now_).breaker, BreakerState::kOpen);
    EXPECT_EQ(pool_->view(0, now_).limit, 1U);
}

TEST_F(EndpointPoolTest, AProbeThatIsRefusedForCapacityHasSucceeded) {
    make({{}});
    break_it(0);
    now_ += milliseconds(5000);
    call(0, CallResult::kRefused);
    EXPECT_EQ(pool_->view(0, now_).breaker, BreakerState::kClosed);
}

TEST_F(EndpointPoolTest, KeepsAPrefixWhereItIs) {
    make({{}, {}, {}, {}});
    for (std::uint64_t prefix = 0; prefix < 20; ++prefix) {
        EXPECT_EQ(choices({.tokens = 100, .prefix = prefix}).size(), 1U) << prefix;
    }
}

TEST_F(EndpointPoolTest, SpreadsManyPrefixesEvenly) {
    make({{}, {}, {}, {}});
    std::map<EndpointIndex, int> counts;
    for (std::uint64_t i = 0; i < 1000; ++i) ++counts[*choose({.tokens = 1, .prefix = i})];
    for (const auto& [_, count] : counts) EXPECT_NEAR(count, 250, 60);
}

TEST_F(EndpointPoolTest, APopularPrefixDoesNotFillItsEndpoint) {
    make({{.slots = 20}, {.slots = 20}, {.slots = 20}, {.slots = 20}});
    const CallPlan plan{.tokens = 100, .prefix = 7};
    for (int i = 0; i < 40; ++i) begin(choose(plan).value(), plan);
    std::size_t most = 0;
    for (EndpointIndex i = 0; i < 4; ++i) most = std::max(most, pool_->view(i, now_).in_flight);
    EXPECT_LE(most, 13U);  // 1.25 times the share of 10, rounded up.
    EXPECT_GE(most, 12U);
}

TEST_F(EndpointPoolTest, APrefixLeavesASlowEndpoint) {
    make({{}, {}});
    const CallPlan plan{.tokens = 100, .prefix = 7};
    const auto preferred = *choose(plan);
    call(preferred, CallResult::kServed, milliseconds(1000));
    call(1 - preferred, CallResult::kServed, milliseconds(100));
    EXPECT_EQ(choices(plan).count(preferred), 0U);
}

TEST_F(EndpointPoolTest, TakesOnlyCandidates) {
    make({{}, {}, {}});
    const std::vector<EndpointIndex> only{2};
    EXPECT_EQ(pool_->choose({.tokens = 1}, only, now_), 2U);
    EXPECT_FALSE(pool_->choose({.tokens = 1}, {}, now_));
}

}  // namespace
}  // namespace millrace::backends::serving::pool
