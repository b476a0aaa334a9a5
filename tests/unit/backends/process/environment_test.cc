#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "worker/backends/process/environment.h"
#include "worker/backends/process/output_log.h"

namespace millrace::backends::process {
namespace {

TEST(ProcessEnvironment, InheritsOnlyTheUsualVariablesAndThoseThatAreNamed) {
    ::setenv("MILLRACE_BACKEND_OPENAI_API_KEY", "sk-1", 1);
    ::setenv("HF_HOME", "/models", 1);
    const auto environment =
        environment_of({.environment = {"HF_HOME", "NO_SUCH_VARIABLE", "MODE=fast=1"}}, 0);
    EXPECT_FALSE(environment.contains("MILLRACE_BACKEND_OPENAI_API_KEY"));
    EXPECT_FALSE(environment.contains("NO_SUCH_VARIABLE"));
    EXPECT_FALSE(environment.contains("CUDA_VISIBLE_DEVICES"));
    EXPECT_EQ(environment.at("HF_HOME"), "/models");
    EXPECT_EQ(environment.at("MODE"), "fast=1");
    EXPECT_EQ(environment.at("PATH"), std::getenv("PATH"));
    EXPECT_EQ(environment.at("MILLRACE_PROTOCOL"), "1");
}

TEST(ProcessEnvironment, DevicesAreDealtOut) {
    const ProcessOptions options{
        .slots = 4, .devices = parse_devices({"0+1+cpu:0-3", "MIG-1", "cpu:4"}).value()};
    EXPECT_EQ(environment_of(options, 0).at("CUDA_VISIBLE_DEVICES"), "0,1");
    EXPECT_EQ(environment_of(options, 1).at("CUDA_VISIBLE_DEVICES"), "MIG-1");
    EXPECT_FALSE(environment_of(options, 2).contains("CUDA_VISIBLE_DEVICES"));
    EXPECT_EQ(environment_of(options, 3).at("CUDA_VISIBLE_DEVICES"), "0,1");
    EXPECT_EQ(device_of(options, 3).processors, (std::vector{0, 1, 2, 3}));
    EXPECT_EQ(
        ProcessBackend({.command = {"x"}, .slots = 2, .devices = options.devices}).info().devices,
        (std::vector<std::string>{"0+1+cpu:0-3", "MIG-1"}));
    EXPECT_TRUE(device_of({}, 0).processors.empty());
}

TEST(ProcessEnvironment, MemoryIsWhatAProcessAllocated) {
    const auto before = memory_bytes_of(::getpid());
    ASSERT_TRUE(before);
    constexpr std::size_t kBytes = 64 << 20;
    const std::vector<char> block(kBytes, 'x');
    EXPECT_GE(*memory_bytes_of(::getpid()), *before + kBytes * 9 / 10);
    EXPECT_FALSE(memory_bytes_of(1 << 30));  // No such process.
}

TEST(ProcessOutputLog, KeepsTheLastLines) {
    OutputLog log(0);
    log.begin();
    const auto now = MonoTime() + std::chrono::hours(1);
    for (int i = 0; i < 100; ++i) log.add("old", now);
    for (std::size_t i = 0; i < OutputLog::kTailLines - 1; ++i) log.add("new", now);
    EXPECT_TRUE(log.tail().starts_with("old | new | new"));
    log.add(std::string(10'000, 'x'), now);
    EXPECT_LT(log.tail().size(), 400U);
    log.begin();
    EXPECT_EQ(log.tail(), "");
}

}  // namespace
}  // namespace millrace::backends::process
