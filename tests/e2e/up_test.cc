// `millrace up`, as a person runs it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/process/program.h"
#include "tests/e2e/up.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;

std::string one_line(std::vector<std::string> arguments) {
    const auto result = run_command(std::move(arguments));
    return result.output.substr(0, result.output.find('\n'));
}

TEST(Up, ServesAndKeepsJobsOverARestart) {
    const auto directory = make_up_directory();
    const auto data = directory.path().string();
    std::string id;
    {
        RunningCommand up({"up", "--port", "0", "--data", data});
        const auto url = url_of(up);
        id = one_line({"--url", url, "submit", "hello"});
        EXPECT_EQ(run_command({"--url", url, "wait", id}).exit_code, 0);
        EXPECT_EQ(interrupt(up).exit_code, 0);
    }
    RunningCommand up({"up", "--port", "0", "--data", data});
    const auto again = run_command({"--url", url_of(up), "get", id});
    EXPECT_EQ(again.exit_code, 0);
    EXPECT_THAT(again.output, HasSubstr("completed"));
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

TEST(Up, RestartsAPartThatDiesAndSaysSo) {
    const auto directory = make_up_directory();
    RunningCommand up({"up", "--port", "0", "--data", directory.path().string()});
    const auto url = url_of(up);
    for (const auto& [program, name] :
         {std::pair{"millrace-gateway", "the gateway"}, std::pair{"millrace-worker", "worker 1"},
          std::pair{"millrace-broker", "the broker"}}) {
        ::kill(child_of(up.process().pid(), program), SIGKILL);
        up.wait_for_line(std::string(name) + " is running again");
        const auto result = run_command({"--url", url, "submit", "--wait", "hello"});
        EXPECT_EQ(result.exit_code, 0) << result.output;
    }
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

TEST(Up, RunsOnApacheKafka) {
    const auto directory = make_up_directory();
    RunningCommand up({"up", "--kafka", "--port", "0", "--data", directory.path().string()});
    const auto result = run_command({"--url", url_of(up), "submit", "--wait", "hello"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

TEST(Up, RefusesAModelFileThatIsNotGgufBeforeItStartsAnything) {
    const auto directory = make_up_directory();
    const auto file = directory.path() / "model.gguf";
    std::ofstream(file) << "this is text";
    const auto data = directory.path() / "data";
    const auto result = run_command({"up", "--data", data.string(), "--model", file.string()});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("model.gguf"));
    EXPECT_FALSE(std::filesystem::exists(data));
}

TEST(Up, ServesAProgramThatRunsJobs) {
    const auto directory = make_up_directory();
    const std::string source = std::getenv("MILLRACE_SOURCE");
    const Variable path("PYTHONPATH", python_path());
    RunningCommand up({"up", "--port", "0", "--data", directory.path().string(), "--process",
                       "python3 " + source + "/tests/integration/backends/programs/obedient.py"});
    const auto result =
        run_command({"--url", url_of(up), "submit", "--wait", "--model", "obedient", "hello"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("\"batch\""));
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

TEST(Up, RefusesADirectoryThatIsInUse) {
    const auto directory = make_up_directory();
    RunningCommand up({"up", "--port", "0", "--data", directory.path().string()});
    url_of(up);
    const auto second = run_command({"up", "--port", "0", "--data", directory.path().string()});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.output,
                HasSubstr("another `millrace up` (process " + std::to_string(up.process().pid())));
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

TEST(Up, ServesRealModels) {
    const auto model = process::cache_directory() / "models/SmolLM2-135M-Instruct.Q4_1.gguf";
    ASSERT_TRUE(std::filesystem::exists(model)) << "run deploy/fetch-llama.sh";
    const auto directory = make_up_directory();
    RunningCommand up({"up", "--port", "0", "--data", directory.path().string(), "--model",
                       model.string(), "--model", model.string(), "--set",
                       "backend.llama.name=one,two"});
    const auto url = url_of(up);
    for (const auto* name : {"one", "two"}) {
        const auto result = run_command({"--url", url, "submit", "--wait", "--chat", "--model",
                                         name, "--max-tokens", "16", "Say hello."});
        EXPECT_EQ(result.exit_code, 0) << result.output;
    }
    EXPECT_EQ(interrupt(up).exit_code, 0);
}

}  // namespace
}  // namespace millrace::test
