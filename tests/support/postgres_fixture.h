// A fresh PostgreSQL database for a test, removed after it.
//
//   PostgresFixture postgres;
//   pqxx::connection connection(postgres.conninfo());
//
// The constructors throw std::runtime_error, which fails the test with the message: a missing
// PostgreSQL is a failure, never a skipped test.
//
// Threads: one caller at a time.
#pragma once

#include <memory>
#include <string>

#include "common/embedded/private_postgres.h"
#include "common/process/temporary_directory.h"

namespace millrace::test {

// A database of its own on a cluster that all tests of this process share. The cluster runs with
// fsync off: it is fast, and must not be killed.
class PostgresFixture {
 public:
    PostgresFixture() : PostgresFixture("") {}
    ~PostgresFixture();
    PostgresFixture(const PostgresFixture&) = delete;
    PostgresFixture& operator=(const PostgresFixture&) = delete;

    std::string conninfo() const;
    const std::string& database() const { return database_; }

 protected:
    // A copy of the database `source`; if that is empty, an empty database.
    explicit PostgresFixture(const std::string& source);

 private:
    std::string database_;
};

// A cluster of its own with fsync on, for tests that stop, kill and restart it, and for
// measurements.
class PostgresServerFixture {
 public:
    // Its data are in a directory of its own, unless `options` give one.
    explicit PostgresServerFixture(embedded::PostgresOptions options = {});
    PostgresServerFixture(const PostgresServerFixture&) = delete;
    PostgresServerFixture& operator=(const PostgresServerFixture&) = delete;

    std::string conninfo() const { return server_->conninfo(); }
    embedded::PrivatePostgres& server() { return *server_; }

 private:
    process::TemporaryDirectory directory_;
    std::unique_ptr<embedded::PrivatePostgres> server_;
};

}  // namespace millrace::test
