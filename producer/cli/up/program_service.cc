#include "producer/cli/up/program_service.h"

#include <fmt/format.h>

#include "common/process/program.h"

namespace millrace::cli::up {

Status ProgramService::start() {
    const auto program = process::find_own_program(program_);
    if (!program) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} was not found beside this program or on PATH", program_)};
    }
    log_.begin();
    std::vector<std::string> argv{program->string()};
    argv.insert(argv.end(), arguments_.begin(), arguments_.end());
    started_at_ = system_clock().now();
    auto child = process::ChildProcess::start(
        {.argv = std::move(argv), .env = environment_, .output_file = log_.path()});
    if (!child.has_value()) return child.error();
    child_ = std::make_unique<process::ChildProcess>(*std::move(child));
    return ok();
}

bool ProgramService::running() {
    return child_ && child_->running();
}

std::string ProgramService::how_it_ended() {
    const auto status = child_ ? child_->wait(milliseconds(0)) : std::nullopt;
    auto how = status ? status->str() : std::string("it was not started");
    auto reason = reason_of_end(log_.text());
    if (reason.empty()) return fmt::format("{}; its log is {}", how, log_.path().string());
    for (std::size_t at = 0; (at = reason.find('\n', at)) != std::string::npos; at += 5) {
        reason.replace(at, 1, "\n    ");
    }
    return fmt::format("{}: {}\n  (its log is {})", how, reason, log_.path().string());
}

void ProgramService::send(int signal) const {
    if (child_) child_->send(signal);
}

void ProgramService::kill() {
    child_.reset();
}

std::vector<LogLine> ProgramService::news() {
    std::vector<LogLine> news;
    for (const auto& line : log_.news()) news.push_back(read_log_line(line));
    return news;
}

}  // namespace millrace::cli::up
