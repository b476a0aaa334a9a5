// `millrace migrate`: the schema of the database.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/storage/postgres/migrate.h"
#include "producer/cli/commands.h"

namespace millrace::cli {
namespace {

int show_status(const GlobalOptions& global, const MigrateOptions& options) {
    const auto steps = storage::migration_status(options.conninfo);
    if (!steps.has_value()) return fail(steps.error());
    for (const auto& step : *steps) {
        if (global.json) {
            const nlohmann::json row{
                {"version", step.version}, {"name", step.name}, {"applied", step.applied}};
            fmt::print("{}\n", row.dump());
        } else {
            fmt::print("{:<8} {}\n", step.applied ? "applied" : "-", step.name);
        }
    }
    return kOk;
}

}  // namespace

int run_migrate(const GlobalOptions& global, const MigrateOptions& options) {
    if (options.status) return show_status(global, options);
    const auto report = options.down > 0 ? storage::migrate_down(options.conninfo, options.down)
                                         : storage::migrate_up(options.conninfo);
    if (!report.has_value()) return fail(report.error());
    if (global.json) {
        fmt::print("{}\n",
                   nlohmann::json{{"version", report->version}, {"steps", report->steps}}.dump());
        return kOk;
    }
    for (const auto& step : report->steps) {
        fmt::print("{} {}\n", options.down > 0 ? "undid" : "applied", step);
    }
    fmt::print("the schema is at step {}\n", report->version);
    return kOk;
}

}  // namespace millrace::cli
