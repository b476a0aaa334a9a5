#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/config/config.h"

namespace millrace::config {
namespace {

using namespace std::chrono_literals;
using enum Setting;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A file that exists as long as the test runs.
class TemporaryFile {
 public:
    explicit TemporaryFile(const std::string& text) {
        path_ = std::filesystem::temp_directory_path() /
                ("millrace-config-" + std::to_string(getpid()) + ".yaml");
        std::ofstream(path_) << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    std::string path() const { return path_; }

 private:
    std::filesystem::path path_;
};

Result<Config> load_file(const std::string& text) {
    const TemporaryFile file(text);
    return load(Program::kGateway, {.file = file.path()});
}

std::string problems(const Sources& sources, Program program = Program::kGateway) {
    const auto config = load(program, sources);
    return config.has_value() ? "" : config.error().message;
}

std::string file_problems(const std::string& text) {
    const TemporaryFile file(text);
    return problems({.file = file.path()});
}

TEST(Load, HasTheDefaultsIfNothingIsGiven) {
    const auto config = load(Program::kWorker, {});
    ASSERT_TRUE(config.has_value());
    EXPECT_EQ(config->get<kWorkerLeaseTtl>(), 30s);
    EXPECT_EQ(config->get<kQueues>(), std::vector<std::string>{"default"});
    EXPECT_EQ(config->get<kDispatchInlineBytesMax>(), 65536);
    EXPECT_EQ(config->get<kBackendSyntheticEnabled>(), "auto");
    EXPECT_EQ(config->origin(kWorkerLeaseTtl), "default");
}

TEST(Load, FlagsOverrideTheEnvironmentWhichOverridesTheFile) {
    const TemporaryFile file("gateway: {port: 1, threads: 1, host: a}");
    const auto config =
        load(Program::kGateway,
             {.file = file.path(),
              .environment = {"MILLRACE_GATEWAY_PORT=2", "MILLRACE_GATEWAY_THREADS=2"},
              .flags = {"--gateway.port=3"}});
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->get<kGatewayPort>(), 3);
    EXPECT_EQ(config->get<kGatewayThreads>(), 2);
    EXPECT_EQ(config->get<kGatewayHost>(), "a");
    EXPECT_EQ(config->origin(kGatewayPort), "flag --gateway.port");
    EXPECT_EQ(config->origin(kGatewayThreads), "variable MILLRACE_GATEWAY_THREADS");
    EXPECT_EQ(config->origin(kGatewayHost), "file " + file.path() + ":1");
}

TEST(LoadFile, TakesNestedAndDottedKeysAndSequences) {
    const auto config = load_file(
        "# for both programs\n"
        "gateway:\n"
        "  port: 8081\n"
        "gateway.drain_timeout: 5s\n"
        "queues: [default, images]\n"
        "models: a, b\n"
        "worker: {lane_share: {high: 80}}\n");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->get<kGatewayPort>(), 8081);
    EXPECT_EQ(config->get<kGatewayDrainTimeout>(), 5s);
    EXPECT_EQ(config->get<kQueues>(), (std::vector<std::string>{"default", "images"}));
    EXPECT_EQ(config->get<kModels>(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config->get<kWorkerLaneShareHigh>(), 80);
}

TEST(LoadFile, EntriesOfASequenceMayHoldCommas) {
    const auto config = load_file("queues: ['a,b', ' c']\n");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->get<kQueues>(), (std::vector<std::string>{"a,b", " c"}));
}

TEST(LoadFile, MayBeEmpty) {
    EXPECT_TRUE(load_file("").has_value());
    EXPECT_TRUE(load_file("# nothing yet\n").has_value());
}

TEST(LoadFile, NamesTheLineOfEachProblem) {
    const auto text = file_problems(
        "gateway:\n"
        "  prot: 8081\n"
        "  threads: many\n"
        "kafka:\n");
    EXPECT_THAT(text,
                HasSubstr("gateway.prot is not a setting; did you mean gateway.port? (from file"));
    EXPECT_THAT(text, HasSubstr(":2)"));
    EXPECT_THAT(text, HasSubstr("gateway.threads = many is not a whole number (from file"));
    EXPECT_THAT(text, HasSubstr(":3)"));
    EXPECT_THAT(text, HasSubstr("kafka has no value"));
}

TEST(LoadFile, RefusesTheSameSettingTwice) {
    EXPECT_THAT(file_problems("gateway.port: 1\ngateway: {port: 2}\n"),
                HasSubstr("gateway.port is set twice"));
}

TEST(LoadFile, RefusesFilesWithoutSettings) {
    EXPECT_THAT(file_problems("- a\n- b\n"), HasSubstr("does not hold settings"));
    EXPECT_THAT(file_problems("a: [1\n"), HasSubstr("is not valid YAML"));
    EXPECT_THAT(file_problems("queues: [{a: b}]\n"), HasSubstr("must be a single text"));
    EXPECT_THAT(file_problems(std::string(1000, '{')), HasSubstr("is not valid YAML"));
    EXPECT_EQ(problems({.file = "/nonexistent.yaml"}), "file /nonexistent.yaml cannot be read");
}

TEST(LoadEnvironment, RefusesUnknownVariablesWithTheNearestName) {
    EXPECT_THAT(problems({.environment = {"MILLRACE_GATEWAY_PROT=1"}}),
                HasSubstr("variable MILLRACE_GATEWAY_PROT is not a setting; did you mean "
                          "MILLRACE_GATEWAY_PORT?"));
}

TEST(LoadEnvironment, LeavesOtherVariablesAlone) {
    EXPECT_EQ(problems({.environment = {"PATH=/bin", "MILLRACE_BIN=/x", "MILLRACE_URL=http://x",
                                        "MILLRACE_TEST_UPDATE=1", "MILLRACE_PY=/x",
                                        "MILLRACE_WORKER_SLOTS=4"}}),
              "");
}

TEST(LoadFlags, TakeTheirValueWithOrWithoutAnEqualsSign) {
    const auto config = load(Program::kGateway,
                             {.flags = {"--gateway.port", "1", "--queues=a", "--queues", "b,c"}});
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->get<kGatewayPort>(), 1);
    EXPECT_EQ(config->get<kQueues>(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(LoadFlags, TheLastOfTwoCounts) {
    const auto config =
        load(Program::kGateway, {.flags = {"--gateway.port=1", "--gateway.port=2"}});
    EXPECT_EQ(config->get<kGatewayPort>(), 2);
}

TEST(LoadFlags, AreRefusedWhenUnknownForeignOrIncomplete) {
    EXPECT_THAT(problems({.flags = {"--gatway.port=1"}}),
                HasSubstr("gatway.port is not a setting; did you mean gateway.port? (from flag "
                          "--gatway.port)"));
    EXPECT_THAT(problems({.flags = {"--worker.slots=1"}}),
                HasSubstr("worker.slots is not a setting of millrace-gateway"));
    EXPECT_THAT(problems({.flags = {"--gateway.port"}}),
                HasSubstr("flag --gateway.port has no value"));
    EXPECT_THAT(problems({.flags = {"serve"}}), HasSubstr("argument serve is not understood"));
}

TEST(LoadAssignments, OverrideEverythingElseForAnyProgramAndAddUpForLists) {
    const auto config =
        load(Program::kGateway, {.environment = {"MILLRACE_GATEWAY_PORT=1"},
                                 .flags = {"--gateway.port=2"},
                                 .assignments = {"gateway.port=3", "queues=a", "worker.slots=1",
                                                 "queues=b", "gateway.host=x=y"}});
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->get<kGatewayPort>(), 3);
    EXPECT_EQ(config->get<kQueues>(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config->get<kGatewayHost>(), "x=y");
    EXPECT_EQ(config->origin(kGatewayPort), "--set gateway.port");
}

TEST(LoadAssignments, AreRefusedAsTheyWereTyped) {
    EXPECT_THAT(problems({.assignments = {"gatway.port=1", "gateway.port", "=1",
                                          "gateway.idle_timeout=5"}}),
                AllOf(HasSubstr("did you mean gateway.port? (from --set gatway.port)"),
                      HasSubstr("--set takes name=value, not 'gateway.port'"),
                      HasSubstr("--set takes name=value, not '=1'"),
                      HasSubstr("(from --set gateway.idle_timeout)")));
}

TEST(Load, ListsEveryProblem) {
    EXPECT_THAT(problems({.environment = {"MILLRACE_GATEWAY_THREADS=0"},
                          .flags = {"--gateway.port=x", "--nonsense=1"}}),
                AllOf(HasSubstr("gateway.threads = 0 is out of bounds; allowed is 1..256 (from "
                                "variable MILLRACE_GATEWAY_THREADS)"),
                      HasSubstr("gateway.port = x is not a whole number"),
                      HasSubstr("nonsense is not a setting")));
}

}  // namespace
}  // namespace millrace::config
