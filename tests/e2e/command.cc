#include "tests/e2e/command.h"

#include <stdexcept>

#include "common/process/program.h"
#include "tests/support/eventually.h"

namespace millrace::test {

RunningCommand::RunningCommand(std::vector<std::string> arguments) {
    const auto program = process::find_own_program("millrace");
    if (!program) throw std::runtime_error("millrace is not built");
    arguments.insert(arguments.begin(), program->string());
    auto child =
        process::ChildProcess::start({.argv = std::move(arguments), .on_line = [this](auto line) {
                                          const std::lock_guard lock(mutex_);
                                          output_ += std::string(line) + "\n";
                                      }});
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

}  // namespace millrace::test
