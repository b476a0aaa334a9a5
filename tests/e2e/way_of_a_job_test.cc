// One job's whole way through the real programs, on the mock broker and on Apache Kafka.

#include <gtest/gtest.h>

#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

class WayOfAJob : public testing::TestWithParam<BrokerKind> {};

TEST_P(WayOfAJob, IsSubmittedRunAndReadAtEveryPriority) {
    Stack stack({.broker = GetParam()});
    for (const auto* priority : {"high", "normal", "low"}) {
        auto job = synthetic_job();
        job["priority"] = priority;
        const auto done = stack.wait_until_final(stack.submit(job));
        EXPECT_EQ(done["status"], "completed");
        EXPECT_EQ(done["priority"], priority);
        EXPECT_FALSE(done["output"]["choices"][0]["text"].get<std::string>().empty());
    }
}

TEST_P(WayOfAJob, FailsForGoodAfterItsAttempts) {
    Stack stack({.broker = GetParam()});
    auto job = synthetic_job({{"fail", "retryable"}});
    job["policy"] = {{"max_attempts", 2}};
    const auto done = stack.wait_until_final(stack.submit(job));
    EXPECT_EQ(done["status"], "failed");
    EXPECT_EQ(done["attempt"], 2);
    EXPECT_FALSE(done["error"]["message"].get<std::string>().empty());
}

TEST_P(WayOfAJob, CompletesAfterFailuresThatPass) {
    Stack stack({.broker = GetParam()});
    const auto done = stack.wait_until_final(
        stack.submit(synthetic_job({{"fail", "retryable"}, {"fail_attempts", 1}})));
    EXPECT_EQ(done["status"], "completed");
    EXPECT_EQ(done["attempt"], 2);
}

TEST_P(WayOfAJob, IsCancelledWhileItRunsAndFreesItsSlot) {
    Stack stack({.broker = GetParam()});
    const auto id = stack.submit(synthetic_job({{"ms", 600'000}}));
    stack.wait_until_status(id, "in_progress");
    stack.cancel(id);
    const auto cancelled = stack.wait_until_final(id);
    EXPECT_EQ(cancelled["status"], "cancelled");
    EXPECT_TRUE(cancelled["cancel_requested_at"].is_number());
    // Cancelling a final job changes nothing and is not an error.
    EXPECT_EQ(stack.call("POST", "/v1/jobs/" + id + "/cancel", Json(), 200)["status"], "cancelled");
}

INSTANTIATE_TEST_SUITE_P(Broker, WayOfAJob, testing::Values(BrokerKind::kMock, BrokerKind::kKafka),
                         [](const auto& broker) {
                             return broker.param == BrokerKind::kMock ? "Mock" : "ApacheKafka";
                         });

}  // namespace
}  // namespace millrace::test
