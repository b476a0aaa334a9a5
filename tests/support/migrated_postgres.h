// A fresh database with the newest schema, removed after the test. It is a copy of one that each
// process migrates once.
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
