// A fresh database with the newest schema, gone after the test: a copy of one that is migrated once
// in each process.
//
//   MigratedPostgres postgres;
//   const auto store = storage::postgres_store({.conninfo = postgres.conninfo()})();
//
// Threads: one caller at a time.
#pragma once

#include "tests/support/postgres_fixture.h"

namespace millrace::test {

class MigratedPostgres : public PostgresFixture {
 public:
    MigratedPostgres();
};

}  // namespace millrace::test
