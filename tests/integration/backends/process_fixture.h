// The process backend with real child processes: those in programs/.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/process/fd.h"
#include "common/process/temporary_directory.h"
#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/process/process_backend.h"

namespace millrace::backends {

inline std::string source_path(const std::string& name) {
    const char* source = std::getenv("MILLRACE_SOURCE");
    return std::string(source == nullptr ? "." : source) + "/" + name;
}

inline std::vector<std::string> program(const std::string& name,
                                        const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> command{"python3",
                                     source_path("tests/integration/backends/programs/" + name)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

// A job waits for the gate in the middle of its batch, until the gate is opened.
class Gate {
 public:
    Gate() : folder_(millrace::process::TemporaryDirectory::make("millrace-gate-").value()) {
        path_ = folder_.path() / "gate";
        EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    }
    std::string input() const { return nlohmann::json{{"do", "pass"}, {"gate", path_}}.dump(); }
    // Blocks until a job waits at the gate.
    void open() { millrace::process::Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)); }

 private:
    millrace::process::TemporaryDirectory folder_;
    std::string path_;
};

class ProcessTest : public testing::Test {
 protected:
    static process::ProcessOptions with_package(process::ProcessOptions options) {
        if (options.command.empty()) options.command = program("obedient.py");
        if (options.environment.empty()) {
            options.environment = {"PYTHONPATH=" + source_path("worker/python")};
        }
        return options;
    }
    Status try_start(process::ProcessOptions options) {
        backend_ = std::make_unique<process::ProcessBackend>(with_package(std::move(options)));
        return backend_->start(sink_);
    }
    void start(process::ProcessOptions options = {}) {
        const auto status = try_start(std::move(options));
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    std::string start_error(process::ProcessOptions options) {
        const auto status = try_start(std::move(options));
        return status.has_value() ? "" : status.error().message;
    }

    std::vector<AttemptKey> run(const std::vector<std::string>& inputs) {
        std::vector<JobOf> jobs;
        for (const auto& input : inputs) jobs.push_back({.model = "obedient", .input = input});
        return run_batch(*backend_, jobs);
    }
    AttemptKey run(const std::string& input) { return run(std::vector{input}).front(); }
    Outcome outcome_of(const std::string& input) { return sink_.outcome(run(input)); }
    nlohmann::json output(const AttemptKey& key) {
        const auto outcome = sink_.outcome(key);
        EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        return nlohmann::json::parse(outcome.output_json, nullptr, false);
    }
    nlohmann::json output_of(const std::string& input = "{}") { return output(run(input)); }
    int pid() { return output_of()["pid"].get<int>(); }

    RecordingSink sink_;
    std::unique_ptr<process::ProcessBackend> backend_;
};

inline std::string doing(const std::string& what) {
    return nlohmann::json{{"do", what}}.dump();
}

}  // namespace millrace::backends
