// `millrace migrate`: the schema of the database.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/storage/postgres/migrate.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

int show_status(const GlobalOptions& global, const MigrateOptions& options) {
    const auto steps = storage::postgres::migration_status(options.conninfo);
    if (!steps.has_value()) return fail(steps.error());
    std::string text;
    for (const auto& step : *steps) {
        const nlohmann::json row{
            {"version", step.version}, {"name", step.name}, {"applied", step.applied}};
        text += global.json ? row.dump() + "\n"
                            : fmt::format("{:<8} {}\n", step.applied ? "applied" : "-", step.name);
    }
    return print_out(text) ? kOk : kFailure;
}

}  // namespace

int run_migrate(const GlobalOptions& global, const MigrateOptions& options) {
    if (options.status) return show_status(global, options);
    const auto report = options.down > 0
                            ? storage::postgres::migrate_down(options.conninfo, options.down)
                            : storage::postgres::migrate_up(options.conninfo);
    if (!report.has_value()) return fail(report.error());
    std::string text;
    if (global.json) {
        text = nlohmann::json{{"version", report->version}, {"steps", report->steps}}.dump() + "\n";
    } else {
        for (const auto& step : report->steps) {
            text += fmt::format("{} {}\n", options.down > 0 ? "undid" : "applied", step);
        }
        text += fmt::format("the schema is at step {}\n", report->version);
    }
    return print_out(text) ? kOk : kFailure;
}

}  // namespace millrace::cli
