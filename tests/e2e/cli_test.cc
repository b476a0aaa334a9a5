// The `millrace` command against a running stack: what scripts rely on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "common/process/temporary_directory.h"
#include "tests/e2e/command.h"
#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;

class Cli : public testing::Test {
 protected:
    static void SetUpTestSuite() { stack_ = new Stack(); }
    static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

    CommandResult run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--url", stack.url()});
        return run_command(std::move(arguments));
    }
    static std::string first_line(const CommandResult& result) {
        return result.output.substr(0, result.output.find('\n'));
    }

    // One for all tests of the suite: none of them disturbs another's jobs.
    static inline Stack* stack_ = nullptr;
    Stack& stack = *stack_;
};

TEST_F(Cli, SubmitsWaitsAndPrintsTheText) {
    const auto result = run({"submit", "--wait", "hello", "there"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("completed"));
}

TEST_F(Cli, SubmitPrintsAnIdThatTheOtherCommandsTake) {
    const auto id = first_line(run({"submit", "hello"}));
    EXPECT_THAT(id, testing::StartsWith("job_"));
    EXPECT_EQ(run({"wait", id}).exit_code, 0);
    const auto get = run({"--json", "get", id});
    EXPECT_EQ(Json::parse(get.output)["status"], "completed");
    EXPECT_THAT(run({"list", "--status", "completed"}).output, HasSubstr(id));
    const auto tail = run({"tail", id});
    EXPECT_EQ(tail.exit_code, 0);
    EXPECT_THAT(tail.output, HasSubstr("completed"));
}

TEST_F(Cli, SubmitsManyFromJsonLines) {
    auto directory = *process::TemporaryDirectory::make("millrace-cli-");
    const auto file = directory.path() / "jobs.jsonl";
    {
        std::ofstream lines(file);
        for (int i = 0; i < 30; ++i) lines << synthetic_job().dump() << "\n";
    }
    const auto result = run({"submit", "--jsonl", file.string()});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 30);
}

TEST_F(Cli, CancelsAJob) {
    const auto id =
        first_line(run({"submit", "--input", synthetic_job({{"ms", 600'000}})["input"].dump()}));
    stack.wait_until_status(id, "in_progress");
    EXPECT_EQ(run({"cancel", id}).exit_code, 0);
    const auto waited = run({"wait", id});
    EXPECT_EQ(waited.exit_code, 1);
    EXPECT_THAT(waited.output, HasSubstr("cancelled"));
}

TEST_F(Cli, ExitCodesTellScriptsWhatHappened) {
    EXPECT_EQ(run({"get", "job_00000000000000000000000000"}).exit_code, 3);
    EXPECT_EQ(run({"submit", "--priority", "urgent", "hello"}).exit_code, 2);
    EXPECT_EQ(run({"submit", "--model", "no-such-model", "hello"}).exit_code, 2);
    EXPECT_EQ(run({"no-such-command"}).exit_code, 2);
    EXPECT_EQ(run_command({"--url", "http://127.0.0.1:9", "queues"}).exit_code, 4);
    const auto failing = synthetic_job({{"fail", "permanent"}})["input"].dump();
    EXPECT_EQ(run({"submit", "--wait", "--input", failing}).exit_code, 1);
    const auto id =
        first_line(run({"submit", "--input", synthetic_job({{"ms", 600'000}})["input"].dump()}));
    EXPECT_EQ(run({"wait", "--timeout", "1", id}).exit_code, 5);
    run({"cancel", id});
}

TEST_F(Cli, ShowsQueuesAndWorkers) {
    EXPECT_THAT(run({"queues"}).output, HasSubstr("QUEUE"));
    EXPECT_THAT(run({"workers"}).output, HasSubstr("worker-0"));
}

TEST_F(Cli, MigrateSaysThatTheSchemaIsCurrent) {
    const auto result = run({"migrate", "--status", "--conninfo", stack.conninfo()});
    EXPECT_EQ(result.exit_code, 0) << result.output;
}

TEST(CliAlone, CompletionNamesEveryCommand) {
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const auto result = run_command({"completion", shell});
        EXPECT_EQ(result.exit_code, 0);
        for (const auto* command : {"up", "submit", "get", "wait", "tail", "cancel", "retry",
                                    "list", "queues", "workers", "migrate"}) {
            EXPECT_THAT(result.output, HasSubstr(command));
        }
    }
    EXPECT_EQ(run_command({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace millrace::test
