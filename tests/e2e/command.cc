#include "tests/e2e/command.h"

#include <cstdlib>
#include <stdexcept>

#include "common/process/program.h"
#include "tests/support/eventually.h"

namespace millrace::test {

namespace {

process::ChildOptions millrace_with(std::vector<std::string> arguments) {
    const auto program = process::find_own_program("millrace");
    if (!program) throw std::runtime_error("millrace is not built");
    arguments.insert(arguments.begin(), program->string());
    return {.argv = std::move(arguments)};
}

}  // namespace

RunningCommand::RunningCommand(std::vector<std::string> arguments)
    : RunningCommand(millrace_with(std::move(arguments))) {}

RunningCommand::RunningCommand(process::ChildOptions options) {
    options.on_line = [this](auto line) {
        const std::lock_guard lock(mutex_);
        output_ += std::string(line) + "\n";
    };
    auto child = process::ChildProcess::start(std::move(options));
    if (!child.has_value()) throw std::runtime_error(to_string(child.error()));
    child_ = std::make_unique<process::ChildProcess>(*std::move(child));
}

std::string RunningCommand::output() const {
    const std::lock_guard lock(mutex_);
    return output_;
}

std::string RunningCommand::wait_for_line(const std::string& text) {
    std::size_t at = std::string::npos;
    const auto found = [&] {
        at = output().find(text);
        return at != std::string::npos || !child_->running();
    };
    const auto seen = eventually(found, text, std::chrono::minutes(2));
    const auto all = output();
    at = all.find(text);
    if (!seen || at == std::string::npos) {
        throw std::runtime_error("no line with '" + text + "' in:\n" + all);
    }
    return all.substr(at, all.find('\n', at) - at);
}

CommandResult RunningCommand::wait(std::chrono::milliseconds timeout) {
    const auto status = child_->wait(timeout);
    if (!status) throw std::runtime_error("the command still runs:\n" + output());
    return {.exit_code = status->signal == 0 ? status->code : 128 + status->signal,
            .output = output()};
}

CommandResult run_command(std::vector<std::string> arguments) {
    return RunningCommand(std::move(arguments)).wait();
}

CommandResult run_script(const std::string& script,
                         std::map<std::string, std::string> environment) {
    const auto program = process::find_own_program("millrace");
    if (!program) throw std::runtime_error("millrace is not built");
    const char* path = std::getenv("PATH");
    environment["PATH"] =
        program->parent_path().string() + ":" + (path != nullptr ? path : "/usr/bin:/bin");
    return RunningCommand({.argv = {"bash", "-c", script}, .env = std::move(environment)}).wait();
}

}  // namespace millrace::test
