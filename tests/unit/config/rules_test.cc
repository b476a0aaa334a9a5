#include "common/config/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::config {
namespace {

using ::testing::HasSubstr;

std::string problems(Program program, std::vector<std::string> flags) {
    const auto config = load(program, {.flags = std::move(flags)});
    return config.has_value() ? "" : config.error().message;
}

TEST(Rules, DefaultsBreakNone) {
    EXPECT_TRUE(broken_rules(Program::kGateway, Config()).empty());
    EXPECT_TRUE(broken_rules(Program::kWorker, Config()).empty());
}

TEST(Rules, ALeaseOutlivesTwoLostHeartbeats) {
    EXPECT_THAT(problems(Program::kWorker, {"--worker.lease_ttl=14s"}),
                HasSubstr("worker.lease_ttl must be at least three times"));
    EXPECT_THAT(problems(Program::kWorker, {"--worker.lease_margin=25s"}),
                HasSubstr("worker.lease_margin plus worker.heartbeat_interval"));
}

TEST(Rules, ConcernOnlyTheProgramThatUsesThem) {
    EXPECT_EQ(problems(Program::kGateway, {"--worker.lease_ttl=14s"}), "");
}

TEST(Rules, TieTheirPairs) {
    EXPECT_THAT(problems(Program::kGateway, {"--job.backoff_base=10m"}),
                HasSubstr("job.backoff_base must not exceed job.backoff_max"));
    EXPECT_THAT(problems(Program::kGateway, {"--queues="}),
                HasSubstr("queues must name at least one queue"));
    EXPECT_THAT(problems(Program::kGateway, {"--gateway.page_size_default=101"}),
                HasSubstr("gateway.page_size_default"));
    EXPECT_THAT(problems(Program::kWorker, {"--kafka.heartbeat_interval=5s"}),
                HasSubstr("kafka.session_timeout"));
}

}  // namespace
}  // namespace millrace::config
