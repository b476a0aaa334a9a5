#include "producer/cli/up/preflight.h"

#include <fmt/format.h>

#include <set>

#include "common/base/text.h"
#include "common/process/child_process.h"
#include "common/process/program.h"
#include "producer/cli/up/program_log.h"

namespace millrace::cli::up {
namespace {

constexpr milliseconds kCheckTimeout{30'000};

Status check(const std::string& name, const Plan& plan, Environment settings,
             const std::stop_token& stop) {
    const auto program = process::find_own_program(name);
    if (!program) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} was not found beside this program or on PATH", name)};
    }
    // Placeholders, to pass the check: the stack sets these itself.
    settings["MILLRACE_POSTGRES_CONNINFO"] = "dbname=millrace";
    settings["MILLRACE_KAFKA_BOOTSTRAP"] = "127.0.0.1:9092";
    std::vector<std::string> argv{program->string(), "--check-config"};
    if (!plan.config_file.empty()) argv.insert(argv.end(), {"--config", plan.config_file});
    const auto checked = process::run_to_end({.argv = std::move(argv), .env = std::move(settings)},
                                             kCheckTimeout, stop);
    if (checked.has_value()) return ok();
    if (checked.error().code == ErrorCode::kCancelled) return checked.error();
    const auto reason = reason_of_end(checked.error().message);
    return Error{ErrorCode::kInvalidArgument,
                 std::string(trimmed(reason.empty() ? checked.error().message : reason))};
}

}  // namespace

Status check_programs(const Plan& plan, const std::stop_token& stop) {
    TRY_STATUS(check("millrace-gateway", plan, plan.settings, stop));
    std::set<Environment> checked;  // Workers that differ only in name are checked once.
    for (const auto& worker : plan.workers) {
        auto settings = worker.settings;
        settings.erase("MILLRACE_WORKER_NAME");
        if (!checked.insert(settings).second) continue;
        TRY_STATUS(check("millrace-worker", plan, std::move(settings), stop));
    }
    return ok();
}

}  // namespace millrace::cli::up
