#include "tests/conformance/storage/database.h"

#include <fmt/format.h>

#include <pqxx/pqxx>

#include "common/storage/postgres/postgres_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/migrated_postgres.h"

namespace millrace::test {
namespace {

class Memory : public Database {
 public:
    std::unique_ptr<storage::JobStore> open() override {
        return std::make_unique<MemoryJobStore>(rows_);
    }
    void pass(milliseconds time) override { clock_.advance(time); }

 private:
    ManualClock clock_;
    MemoryDatabase rows_{clock_};
};

// PostgreSQL's clock cannot be moved, so the times in the rows are moved back instead.
class Postgres : public Database {
 public:
    std::unique_ptr<storage::JobStore> open() override {
        return storage::postgres::postgres_store({.conninfo = postgres_.conninfo()})();
    }
    void pass(milliseconds time) override {
        const auto back = [&](const std::string& column) {
            return fmt::format("{0} = {0} - interval '{1} ms'", column, time.count());
        };
        pqxx::connection connection(postgres_.conninfo());
        pqxx::work work(connection);
        work.exec("UPDATE jobs_open SET " + back("created_at") + ", " + back("queued_at") + ", " +
                  back("run_at") + ", " + back("claim_by") + ", " + back("expires_at") + ", " +
                  back("started_at") + ", " + back("attempt_deadline"));
        work.exec("UPDATE workers SET " + back("started_at") + ", " + back("heard_at"));
        work.exec("UPDATE idempotency_keys SET " + back("created_at") + ", " + back("expires_at"));
        work.commit();
    }

 private:
    MigratedPostgres postgres_;
};

}  // namespace

std::unique_ptr<Database> make_database(const std::string& kind) {
    if (kind == "memory") return std::make_unique<Memory>();
    return std::make_unique<Postgres>();
}

}  // namespace millrace::test
