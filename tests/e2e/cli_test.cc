// The `millrace` command against a running stack: what scripts rely on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
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
    // Scripts keep standard error apart themselves where it matters.
    CommandResult shell(const std::string& script) {
        return run_script("cd '" + directory_.path().string() + "'; " + script,
                          {{"MILLRACE_URL", stack.url()}});
    }
    std::string file(const std::string& name, const std::string& bytes) {
        std::ofstream(directory_.path() / name, std::ios::binary) << bytes;
        return (directory_.path() / name).string();
    }
    std::string submit_long() { return stack.submit(synthetic_job({{"ms", 600'000}})); }
    static std::string first_line(const CommandResult& result) {
        return result.output.substr(0, result.output.find('\n'));
    }

    // One for all tests of the suite: no test disturbs another's jobs.
    static inline Stack* stack_ = nullptr;
    Stack& stack = *stack_;
    process::TemporaryDirectory directory_ = *process::TemporaryDirectory::make("millrace-cli-");
};

TEST_F(Cli, SubmitWaitsAndPrintsTheBareText) {
    const auto result = shell("millrace submit --wait hello there 2>id; cat id");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, testing::ContainsRegex("^[^{}\n]+\njob_[0-9a-z]+\n$"));
    const auto id = result.output.substr(result.output.find("job_"), 30);
    EXPECT_EQ(run({"get", "--result", id}).output,
              result.output.substr(0, result.output.find("job_")));
    EXPECT_EQ(run({"wait", "--result", id}).output, run({"get", "--result", id}).output);
}

TEST_F(Cli, AnIdThatCannotBeWrittenIsShownElsewhere) {
    for (const auto* output : {">&-", "> /dev/full"}) {
        const auto result = shell(std::string("millrace submit hello ") + output);
        EXPECT_EQ(result.exit_code, 1) << output;
        EXPECT_THAT(result.output, HasSubstr("the job was accepted: job_")) << output;
    }
}

TEST_F(Cli, SubmitFollowsWithTheTextAlone) {
    const auto text = shell("millrace submit --follow hello 2>/dev/null").output;
    EXPECT_EQ(text, shell("millrace submit --wait hello 2>/dev/null").output);
    const auto events = shell("millrace submit --follow hello 2>&1 >/dev/null").output;
    EXPECT_THAT(events, HasSubstr("job_"));
    EXPECT_THAT(events, HasSubstr("started on worker-0"));
    EXPECT_THAT(events, HasSubstr("completed in"));
}

TEST_F(Cli, AFailureSaysWhy) {
    const auto input = "'" + synthetic_job({{"fail", "permanent"}})["input"].dump() + "'";
    for (const auto* how : {"--wait", "--follow"}) {
        const auto result = shell(std::string("millrace submit --input ") + input + " " + how +
                                  " 2>err; echo $?; "
                                  "cat err");
        EXPECT_THAT(result.output, testing::StartsWith("1\n")) << result.output;
        EXPECT_THAT(result.output, testing::ContainsRegex("failed: [a-z_]+: ."));
    }
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

TEST_F(Cli, AnInputArrivesAsItWasWritten) {
    const std::string input = R"({"prompt":"x","z":{"b":1.10,"a":12345678901234567890},"a":2})";
    file("input.jsonl", R"({"model": "synthetic", "input": )" + input + "}\n");
    file("prompt", "two\nlines\n");
    const auto input_of = [this](const std::string& command) {
        const auto id = first_line(shell("millrace submit " + command));
        return http::Client()
            .send({.url = stack.url() + "/v1/jobs/" + id + "?include=input"})
            ->body;
    };
    EXPECT_THAT(input_of("--input '" + input + "'"), HasSubstr(input));
    EXPECT_THAT(input_of("--jsonl input.jsonl"), HasSubstr(input));
    EXPECT_THAT(input_of("'[a,b]'"), HasSubstr(R"("[a,b]")"));
    EXPECT_THAT(input_of("C ++ '{}'"), HasSubstr(R"("C ++ {}")"));
    EXPECT_THAT(input_of("--metadata user=42 'a prompt'"), HasSubstr(R"("a prompt")"));
    EXPECT_THAT(input_of("-- -5 degrees"), HasSubstr(R"("-5 degrees")"));
    EXPECT_THAT(input_of("- < prompt"), HasSubstr(R"("two\nlines")"));
    EXPECT_THAT(input_of("--file prompt"), HasSubstr(R"("two\nlines")"));
}

TEST_F(Cli, SubmitsManyFromJsonLines) {
    std::string lines;
    for (int i = 0; i < 30; ++i) lines += synthetic_job().dump() + "\n";
    const auto result = run({"submit", "--jsonl", file("jobs.jsonl", lines)});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 30);
}

TEST_F(Cli, JsonLinesAreCutByBytes) {
    const std::string line = R"({"input":{"prompt":")" + std::string(40'000, 'x') + "\"}}\n";
    std::string lines;
    for (int i = 0; i < 220; ++i) lines += line;
    file("large.jsonl", lines);
    const auto result = shell("millrace submit --ttl 1h --jsonl large.jsonl | wc -l");
    EXPECT_EQ(result.output, "220\n");
}

TEST_F(Cli, JsonLinesNameTheLineThatIsRefused) {
    file("jobs.jsonl",
         "{\"input\":{\"prompt\":\"one\"}}\n\n{\"input\":{},\"priorty\":\"high\"}\n"
         "{\"input\":{\"prompt\":\"two\"},\"policy\":{\"ttl\":\"2h\"}}\n");
    const auto result = shell("millrace submit --json --max-attempts 7 --jsonl jobs.jsonl 2>err");
    EXPECT_EQ(result.exit_code, 2);
    std::istringstream lines(result.output);
    std::vector<Json> answers;
    for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
    ASSERT_EQ(answers.size(), 3U) << result.output;
    EXPECT_EQ(answers[0]["line"], 1);
    EXPECT_EQ(answers[1]["line"], 3);
    EXPECT_TRUE(answers[1].contains("error"));
    EXPECT_EQ(answers[2]["line"], 4);
    EXPECT_EQ(answers[2]["max_attempts"], 7);
    const auto error = shell("cat err").output;
    EXPECT_THAT(error, HasSubstr("jobs.jsonl line 3: "));
    EXPECT_THAT(error, HasSubstr("2 of 3 jobs were accepted"));
}

TEST_F(Cli, JsonLinesUnderAKeyMakeNoJobTwice) {
    const auto line = synthetic_job().dump() + "\n";
    file("jobs.jsonl", line + line);
    const auto first = shell("millrace submit --idempotency-key nightly --jsonl jobs.jsonl");
    file("jobs.jsonl", line + line + line);
    const auto again = shell("millrace submit --idempotency-key nightly --jsonl jobs.jsonl");
    EXPECT_THAT(again.output, testing::StartsWith(first.output));
    EXPECT_EQ(std::count(again.output.begin(), again.output.end(), '\n'), 3);
}

// Whenever Ctrl-C comes, the id of every job that exists is printed.
TEST_F(Cli, InterruptedJsonLinesLoseNoId) {
    auto job = synthetic_job();
    job["metadata"] = {{"suite", "interrupt"}};
    std::string lines;
    for (int i = 0; i < 20'000; ++i) lines += job.dump() + "\n";
    RunningCommand submit({"--url", stack.url(), "submit", "--jsonl", file("many.jsonl", lines)});
    submit.wait_for_line("job_");
    submit.process().send(SIGINT);
    const auto result = submit.wait();
    EXPECT_EQ(result.exit_code, 130) << result.output.substr(0, 1000);
    EXPECT_THAT(result.output, HasSubstr("were accepted"));
    std::size_t printed = 0;
    for (std::size_t at = 0; (at = result.output.find("job_", at)) != std::string::npos; ++at) {
        ++printed;
    }
    const auto listed = shell("millrace list --all --json --metadata suite=interrupt | wc -l");
    EXPECT_EQ(listed.output, std::to_string(printed) + "\n");
    EXPECT_LT(printed, 20'000U);
}

TEST_F(Cli, AnInterruptedWaitSaysHowToComeBack) {
    for (const auto* how : {"--wait", "--follow"}) {
        RunningCommand submit({"--url", stack.url(), "submit", how, "--input",
                               synthetic_job({{"ms", 600'000}})["input"].dump()});
        const auto id = submit.wait_for_line("job_").substr(0, 30);
        stack.wait_until_status(id, "in_progress");
        submit.process().send(SIGINT);
        const auto result = submit.wait();
        EXPECT_EQ(result.exit_code, 130);
        EXPECT_THAT(result.output, HasSubstr("millrace wait " + id));
        EXPECT_THAT(result.output, HasSubstr("millrace cancel " + id));
        EXPECT_EQ(stack.job(id)["status"], "in_progress");
        run({"cancel", id});
    }
}

TEST_F(Cli, WaitAndTailOutliveTheirGateway) {
    RunningCommand wait({"--url", stack.url(), "submit", "--wait", "--input",
                         synthetic_job({{"ms", 600'000}})["input"].dump()});
    const auto id = wait.wait_for_line("job_").substr(0, 30);
    stack.wait_until_status(id, "in_progress");
    RunningCommand tail({"--url", stack.url(), "tail", id});
    tail.wait_for_line("started on");
    stack.restart_gateway();
    stack.cancel(id);
    for (auto* command : {&wait, &tail}) {
        const auto result = command->wait();
        EXPECT_EQ(result.exit_code, 1);
        EXPECT_THAT(result.output, HasSubstr("the gateway is unreachable"));
        EXPECT_THAT(result.output, HasSubstr("the gateway is reachable again"));
        EXPECT_THAT(result.output, HasSubstr("cancelled"));
    }
    const auto tailed = tail.output();
    EXPECT_EQ(tailed.find("started on"), tailed.rfind("started on"));
}

TEST_F(Cli, ListSaysThatThereIsMoreAndEndsWithItsReader) {
    Json jobs = Json::array();
    for (int i = 0; i < 250; ++i) jobs.push_back(synthetic_job());
    for (auto& job : jobs) job["metadata"] = {{"suite", "list"}};
    stack.submit_many(jobs);
    const std::string list = "millrace list --json --metadata suite=list ";
    EXPECT_EQ(shell(list + "2>/dev/null | wc -l").output, "20\n");
    EXPECT_THAT(shell(list + "2>&1 >/dev/null").output, HasSubstr("--all"));
    EXPECT_EQ(shell(list + "--limit 150 2>/dev/null | wc -l").output, "150\n");
    EXPECT_EQ(shell(list + "--limit 250 2>&1 | wc -l").output, "250\n");
    EXPECT_EQ(shell(list + "--all 2>&1 | wc -l").output, "250\n");
    EXPECT_EQ(shell(list + "--all | head -1 | wc -l").output, "1\n");
    EXPECT_EQ(shell(list + "--created-before 2020-01-01T00:00:00Z | wc -l").output, "0\n");
    EXPECT_EQ(shell(list + "--created-after 2020-01-01T00:00:00Z 2>/dev/null | wc -l").output,
              "20\n");
    EXPECT_EQ(run({"list", "--all", "--limit", "3"}).exit_code, 2);
    EXPECT_THAT(run({"list", "--created-after", "yesterday"}).output, HasSubstr("--created-after"));
}

TEST_F(Cli, TablesFitTheTerminal) {
    const auto failed = stack.submit(synthetic_job({{"fail", "permanent"}}));
    stack.wait_until_final(failed);
    for (const int columns : {40, 80, 120}) {
        std::vector<std::string> commands{"list", "workers", "queues"};
        if (columns >= 80) commands.insert(commands.end(), {"--help", "submit --help"});
        for (const auto& command : commands) {
            const auto result =
                shell("script -qec 'stty cols " + std::to_string(columns) +
                      "; NO_COLOR=1 millrace " + command + "' /dev/null | tr -d '\\r' | wc -L");
            EXPECT_LE(std::stoi(result.output), columns) << command;
        }
    }
    EXPECT_THAT(shell("script -qec 'stty cols 120; millrace list' /dev/null").output,
                HasSubstr("ERROR"));
}

TEST_F(Cli, TheModelIsTheOnlyOneUnlessItIsNamed) {
    EXPECT_EQ(shell("MILLRACE_MODEL=no-such-model millrace submit hello").exit_code, 2);
    EXPECT_EQ(shell("MILLRACE_MODEL=no-such-model millrace submit -m synthetic hello").exit_code,
              0);
    EXPECT_EQ(stack.job(first_line(run({"submit", "hello"})))["model"], "synthetic");
}

TEST_F(Cli, ErrorsNameWhatWasTyped) {
    EXPECT_THAT(run({"submit", "--timeout", "100000d", "hello"}).output, HasSubstr("--timeout"));
    EXPECT_THAT(run({"submit", "--run-at", "soon", "hello"}).output, HasSubstr("--run-at"));
    EXPECT_EQ(run({"submit", "--timeout", "10", "hello"}).exit_code, 0);
}

TEST_F(Cli, GetShowsAJobAndItsHistory) {
    const auto id =
        first_line(run({"submit", "--metadata", "user=42", "--timeout", "10m", "hello"}));
    stack.wait_until_final(id);
    const auto text = run({"get", id}).output;
    for (const auto* part : {"user=42", "worker-0", "1 (0 of at most", "ran"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
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

TEST_F(Cli, CancelsMatchingJobsAfterConfirmation) {
    auto job = synthetic_job({{"ms", 600'000}});
    job["metadata"] = {{"suite", "cancel"}};
    const auto ids = stack.submit_many({job, job, job});
    const std::string cancel = "millrace cancel --metadata suite=cancel ";
    EXPECT_EQ(shell(cancel + "--dry-run").output, "3 jobs would be cancelled\n");
    EXPECT_EQ(shell(cancel + "< /dev/null").exit_code, 2);  // Nobody is there to confirm.
    EXPECT_EQ(stack.job(ids[0])["cancel_requested_at"], nullptr);
    EXPECT_EQ(shell(cancel + "--yes").exit_code, 0);
    for (const auto& id : ids) EXPECT_EQ(stack.wait_until_final(id)["status"], "cancelled");
    EXPECT_THAT(shell(cancel + "--yes").output, HasSubstr("no job matches"));
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
    EXPECT_EQ(run({"wait", "--timeout", "100ms", id}).exit_code, 5);
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

}  // namespace
}  // namespace millrace::test
