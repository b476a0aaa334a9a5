#include "common/storage/postgres/migrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pqxx/pqxx>

#include "common/storage/postgres/postgres_job_store.h"
#include "common/storage/postgres/session.h"

namespace millrace::storage {
namespace {

constexpr std::int64_t kLock = 7723400;  // Any number that nothing else locks.

struct Step {
    std::string name;
    std::string_view up;
    std::string_view down;
};

const std::map<int, Step>& steps() {
    static const auto all = [] {
        std::map<int, Step> found;
        for (const auto& [file, text] : migration_files()) {
            auto& step = found[std::stoi(std::string(file.substr(0, 4)))];
            step.name = std::string(file.substr(0, file.find('.')));
            (file.ends_with(".up.sql") ? step.up : step.down) = text;
        }
        return found;
    }();
    return all;
}

int newest() {
    return steps().rbegin()->first;
}

int current(pqxx::transaction_base& transaction) {
    transaction.exec(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY, name text NOT "
        "NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())");
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
                     fmt::format("the schema was not changed: {}", error.what())};
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

// Takes steps, one per transaction, until `choose` has none left. Each transaction takes the lock
// again, so that two processes that migrate at once take turns, and each sees what the other did.
template <class Choose>
MigrationReport migrate(pqxx::connection& connection, Choose choose) {
    MigrationReport report;
    while (true) {
        pqxx::work work(connection);
        work.exec(fmt::format("SELECT pg_advisory_xact_lock({})", kLock));
        work.exec("SET LOCAL client_min_messages = warning");
        report.version = current(work);
        if (!choose(work, report)) {
            work.commit();
            return report;
        }
        work.commit();
    }
}

bool step_up(pqxx::work& work, MigrationReport& report) {
    const auto next = steps().upper_bound(report.version);
    if (next == steps().end()) return false;
    work.exec(std::string(next->second.up));
    work.exec(fmt::format("INSERT INTO schema_migrations (version, name) VALUES ({}, {})",
                          next->first, work.quote(next->second.name)));
    report.steps.push_back(next->second.name);
    return true;
}

bool step_down(pqxx::work& work, MigrationReport& report) {
    const auto step = steps().find(report.version);
    if (step == steps().end()) return false;
    work.exec(std::string(step->second.down));
    work.exec(fmt::format("DELETE FROM schema_migrations WHERE version = {}", step->first));
    report.steps.push_back(step->second.name);
    return true;
}

}  // namespace

Result<MigrationReport> migrate_up(const std::string& conninfo) {
    return on_database<MigrationReport>(
        {.conninfo = conninfo}, [](pqxx::connection& connection) -> Result<MigrationReport> {
            TRY_STATUS(check_encoding(connection));
            return migrate(connection, step_up);
        });
}

Result<MigrationReport> migrate_down(const std::string& conninfo, int count) {
    return on_database<MigrationReport>({.conninfo = conninfo}, [&](pqxx::connection& connection) {
        return migrate(connection, [&](pqxx::work& work, MigrationReport& report) {
            return static_cast<int>(report.steps.size()) < count && step_down(work, report);
        });
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
    const auto version = on_database<int>(options, [](pqxx::connection& connection) -> Result<int> {
        TRY_STATUS(check_encoding(connection));
        pqxx::nontransaction transaction(connection);
        const auto exists =
            transaction.exec1("SELECT to_regclass('schema_migrations') IS NOT NULL");
        return exists[0].as<bool>() ? current(transaction) : 0;
    });
    if (!version.has_value()) return version.error();
    if (*version == newest()) return ok();
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the database's schema is at step {} and this program needs step {}; {}",
                    *version, newest(),
                    *version < newest() ? "run `millrace migrate`"
                                        : "it is older than the schema: upgrade it")};
}

}  // namespace millrace::storage
