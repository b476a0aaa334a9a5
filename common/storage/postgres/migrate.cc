#include "common/storage/postgres/migrate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <pqxx/pqxx>
#include <regex>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/storage/postgres/session.h"

namespace millrace::storage::postgres {
namespace {

constexpr std::int64_t kLock = 7723400;  // Any number that nothing else locks.

struct Step {
    std::string name;
    std::string_view up;
    std::string_view down;
    int works_from = 0;  // The oldest step whose programs go on working.
    bool needed = true;  // By the programs that come with it.
};

// Reads what the head of a migration says about programs (docs/upgrades.md).
void read_contract(Step& step) {
    static const std::regex line(
        R"(\n-- Programs:  from (\d{4}) on; new ones (need it|can do without it)\.\n)");
    std::match_results<std::string_view::const_iterator> found;
    CHECK(std::regex_search(step.up.begin(), step.up.end(), found, line));
    step.works_from = std::stoi(found.str(1));
    step.needed = found.str(2) == "need it";
}

const std::map<int, Step>& steps() {
    static const auto all = [] {
        std::map<int, Step> found;
        for (const auto& [file, text] : migration_files()) {
            auto& step = found[std::stoi(std::string(file.substr(0, 4)))];
            step.name = std::string(file.substr(0, file.find('.')));
            (file.ends_with(".up.sql") ? step.up : step.down) = text;
        }
        for (auto& [number, step] : found) read_contract(step);
        return found;
    }();
    return all;
}

int newest() {
    return steps().rbegin()->first;
}

int current(pqxx::transaction_base& transaction) {
    // Without `works_from`, a step works with no older program.
    transaction.exec(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY, name text NOT "
        "NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now(), works_from int);"
        "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS works_from int");
    return transaction.exec1("SELECT coalesce(max(version), 0) FROM schema_migrations")[0]
        .as<int>();
}

template <class T, class Body>
Result<T> on_database(const PostgresOptions& options, Body body) {
    try {
        pqxx::connection connection(connection_string(options));
        return body(connection);
    } catch (const pqxx::broken_connection& error) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("cannot connect to PostgreSQL: {}", error.what())};
    } catch (const std::exception& error) {
        return Error{ErrorCode::kInternal,
                     fmt::format("the schema cannot be read: {}", trimmed(error.what()))};
    }
}

// Clients and models send text in any language, and other encodings cannot hold all of it.
Status check_encoding(pqxx::connection& connection) {
    pqxx::nontransaction transaction(connection);
    const auto row = transaction.exec1(
        "SELECT current_setting('server_encoding'), quote_ident(current_database())");
    const std::string encoding = row[0].c_str();
    if (encoding == "UTF8") return ok();
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the database's encoding is {}, and Millrace needs UTF8: CREATE DATABASE {} "
                    "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
                    encoding, row[1].c_str())};
}

using StepRow = std::map<int, Step>::value_type;

// One direction of a migration.
struct Direction {
    std::string_view done;  // "applied"
    // The step to take now, or null.
    std::function<const StepRow*(const MigrationReport&)> next;
    void (*take)(pqxx::work& work, const StepRow& step);
};

Error step_failed(const Direction& direction, const MigrationReport& report, const StepRow& step,
                  const std::exception& error) {
    const bool is_lost = dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr;
    const auto before = report.steps.empty() ? fmt::format("no step was {} before", direction.done)
                                             : fmt::format("{} before it: {}", direction.done,
                                                           fmt::join(report.steps, ", "));
    return {
        is_lost ? ErrorCode::kUnavailable : ErrorCode::kInternal,
        fmt::format("step {} failed ({}): {}", step.second.name, before, trimmed(error.what()))};
}

// Takes steps, one per transaction, until none is left. Each transaction takes the lock again, so
// that two processes that migrate at once take turns, and each sees what the other did.
Result<MigrationReport> migrate(pqxx::connection& connection, const Direction& direction) {
    MigrationReport report;
    while (true) {
        pqxx::work work(connection);
        work.exec(fmt::format("SELECT pg_advisory_xact_lock({})", kLock));
        work.exec("SET LOCAL client_min_messages = warning");
        report.version = current(work);
        const auto* step = direction.next(report);
        if (step == nullptr) {
            work.commit();
            return report;
        }
        try {
            direction.take(work, *step);
            work.commit();
        } catch (const std::exception& error) {
            return step_failed(direction, report, *step, error);
        }
        report.steps.push_back(step->second.name);
    }
}

void step_up(pqxx::work& work, const StepRow& step) {
    work.exec(std::string(step.second.up));
    work.exec(
        fmt::format("INSERT INTO schema_migrations (version, name, works_from) VALUES ({}, {}, {})",
                    step.first, work.quote(step.second.name), step.second.works_from));
}

void step_down(pqxx::work& work, const StepRow& step) {
    work.exec(std::string(step.second.down));
    work.exec(fmt::format("DELETE FROM schema_migrations WHERE version = {}", step.first));
}

}  // namespace

Result<MigrationReport> migrate_up(const std::string& conninfo) {
    return on_database<MigrationReport>(
        {.conninfo = conninfo}, [](pqxx::connection& connection) -> Result<MigrationReport> {
            TRY_STATUS(check_encoding(connection));
            const auto next = [](const MigrationReport& report) {
                const auto step = steps().upper_bound(report.version);
                return step == steps().end() ? nullptr : &*step;
            };
            return migrate(connection, {.done = "applied", .next = next, .take = step_up});
        });
}

Result<MigrationReport> migrate_down(const std::string& conninfo, int count) {
    return on_database<MigrationReport>({.conninfo = conninfo}, [&](pqxx::connection& connection) {
        const auto next = [count](const MigrationReport& report) {
            const auto step = steps().find(report.version);
            const bool is_over = static_cast<int>(report.steps.size()) >= count;
            return is_over || step == steps().end() ? nullptr : &*step;
        };
        return migrate(connection, {.done = "undone", .next = next, .take = step_down});
    });
}

Result<std::vector<MigrationStep>> migration_status(const std::string& conninfo) {
    return on_database<std::vector<MigrationStep>>(
        {.conninfo = conninfo}, [](pqxx::connection& connection) {
            pqxx::work work(connection);
            const int version = current(work);
            std::vector<MigrationStep> all;
            for (const auto& [number, step] : steps()) {
                all.push_back({.version = number, .name = step.name, .applied = number <= version});
            }
            work.commit();
            return all;
        });
}

Status check_schema(const PostgresOptions& options) {
    struct Schema {
        int version = 0;
        // The oldest programs that it works with, if it is newer than this one.
        int works_from = 0;
    };
    const auto schema =
        on_database<Schema>(options, [](pqxx::connection& connection) -> Result<Schema> {
            TRY_STATUS(check_encoding(connection));
            pqxx::nontransaction transaction(connection);
            const auto exists =
                transaction.exec1("SELECT to_regclass('schema_migrations') IS NOT NULL");
            if (!exists[0].as<bool>()) return Schema{};
            // Older migrations have no column of that name.
            const auto row = transaction.exec1(fmt::format(
                "SELECT coalesce(max(version), 0), coalesce(max(coalesce((to_jsonb(m) ->> "
                "'works_from')::int, version)) FILTER (WHERE version > {}), 0) "
                "FROM schema_migrations m",
                newest()));
            return Schema{row[0].as<int>(), row[1].as<int>()};
        });
    if (!schema.has_value()) return schema.error();
    const auto lacks = [&] {
        return std::any_of(steps().upper_bound(schema->version), steps().end(),
                           [](const auto& step) { return step.second.needed; });
    };
    const bool is_older = schema->version < newest();
    if (is_older ? !lacks() : schema->works_from <= newest()) return ok();
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the database's schema is at step {} and this program needs step {}; {}",
                    schema->version, newest(),
                    is_older ? "run `millrace migrate`"
                             : "it is older than the schema allows: upgrade it")};
}

}  // namespace millrace::storage::postgres
