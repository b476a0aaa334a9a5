#include "common/config/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
    Startup startup;
    std::string out;
    std::string err;
};

Outcome run(Program program, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "program");
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto startup = start(program, static_cast<int>(arguments.size()), arguments.data());
    return {std::move(startup), ::testing::internal::GetCapturedStdout(),
            ::testing::internal::GetCapturedStderr()};
}

TEST(Startup, GivesTheConfigurationOfGoodSettings) {
    const auto outcome = run(Program::kGateway, {"--gateway.port", "0"});
    ASSERT_TRUE(outcome.startup.config);
    EXPECT_EQ(outcome.startup.config->get<Setting::kGatewayPort>(), 0);
    EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(Startup, RefusesBadSettingsWithStatusTwo) {
    const auto outcome = run(Program::kGateway, {"--gateway.port", "x"});
    EXPECT_FALSE(outcome.startup.config);
    EXPECT_EQ(outcome.startup.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("gateway.port = x is not a whole number"));
}

TEST(Startup, CheckConfigPrintsEffectiveValuesWithoutSecrets) {
    const auto outcome =
        run(Program::kWorker, {"--check-config", "--backend.openai.api_key", "sk-1",
                               "--postgres.conninfo=host=db password=hunter2"});
    EXPECT_FALSE(outcome.startup.config);
    EXPECT_EQ(outcome.startup.exit_code, 0);
    EXPECT_THAT(outcome.out, StartsWith("configuration ok\n"));
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("worker.lease_ttl = 30s  # default\n"),
                                   HasSubstr("backend.openai.api_key = ***  # flag"),
                                   HasSubstr("postgres.conninfo = host=db password=***  # flag"),
                                   Not(HasSubstr("gateway.port")), Not(HasSubstr("sk-1"))));
}

TEST(Startup, CheckConfigRefusesToo) {
    const auto outcome = run(Program::kWorker, {"--check-config", "--worker.slots=-1"});
    EXPECT_EQ(outcome.startup.exit_code, 2);
    EXPECT_EQ(outcome.out, "");
}

TEST(Startup, HelpListsTheSettingsOfTheProgram) {
    const auto outcome = run(Program::kGateway, {"--help"});
    EXPECT_EQ(outcome.startup.exit_code, 0);
    EXPECT_THAT(
        outcome.out,
        AllOf(HasSubstr("Usage: millrace-gateway"), HasSubstr("--gateway.port  integer\n"),
              HasSubstr("Default: 8080. Allowed: 0 to 65535."), Not(HasSubstr("--worker.slots"))));
}

TEST(Startup, ReadsAFileGivenEitherWay) {
    EXPECT_THAT(run(Program::kGateway, {"--config", "/nonexistent"}).err,
                HasSubstr("/nonexistent cannot be read"));
    EXPECT_THAT(run(Program::kGateway, {"--config=/nonexistent"}).err,
                HasSubstr("/nonexistent cannot be read"));
    EXPECT_THAT(run(Program::kGateway, {"--config"}).err, HasSubstr("--config has no value"));
}

TEST(Startup, AValueThatLooksLikeAnOptionIsAValue) {
    const auto outcome = run(Program::kWorker, {"--worker.name", "--help"});
    ASSERT_TRUE(outcome.startup.config);
    EXPECT_EQ(outcome.startup.config->get<Setting::kWorkerName>(), "--help");
}

}  // namespace
}  // namespace millrace::config
