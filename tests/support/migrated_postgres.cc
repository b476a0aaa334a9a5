#include "tests/support/migrated_postgres.h"

#include "common/storage/postgres/migrate.h"

namespace millrace::test {
namespace {

class Template : public PostgresFixture {
 public:
    Template() { storage::postgres::migrate_up(conninfo()).value(); }
};

const std::string& migrated_database() {
    static const Template database;  // Created by the first test that needs it.
    return database.database();
}

}  // namespace

MigratedPostgres::MigratedPostgres() : PostgresFixture(migrated_database()) {}

}  // namespace millrace::test
