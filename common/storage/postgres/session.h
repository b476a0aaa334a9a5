// One connection to PostgreSQL with its prepared statements. It is made when it is needed,
// discarded when it breaks, and made again after growing pauses. Internal to this folder.
//
// Threads: one caller at a time.
// Errors:  those of JobStore; no exception of libpqxx escapes.
// Blocks:  up to connect_timeout and statement_timeout.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/storage/postgres/array_parameter.h"
#include "common/storage/postgres/postgres_error.h"
#include "common/storage/postgres/postgres_job_store.h"

namespace millrace::storage::postgres {

class Session {
 public:
    explicit Session(PostgresOptions options);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Executes statements by their names and keeps what they return. Called again if the first call
    // failed in a way that a repetition cures, such as a deadlock.
    using Body = std::function<void(pqxx::transaction_base&)>;

    // Runs one statement, which is its own transaction: one round trip.
    Status run(Effect effect, std::string_view name, const Body& body);
    // Runs several statements in one transaction, which commits when the body returns.
    Status transact(std::string_view name, const Body& body);

    // PostgreSQL's clock, estimated; zero before the first connection. A statement first reads the
    // real clock if the last reading is ten seconds old, or after compare_clock().
    milliseconds database_time() const;
    void compare_clock() { clock_read_at_.reset(); }

 private:
    enum class Commit { kEachStatement, kAtTheEnd };

    Status timed(Effect effect, Commit commit, std::string_view name, const Body& body);
    std::optional<Failure> attempt(Effect effect, Commit commit, const Body& body);
    void execute(Commit commit, const Body& body);
    std::optional<Failure> be_connected();
    void connect();
    void handle(const Failure& failure);
    bool has_unread_bytes() const;
    void read_clock();

    // Fixed after construction.
    const PostgresOptions options_;

    std::unique_ptr<pqxx::connection> connection_;
    bool was_connected_ = false;
    int failures_in_a_row_ = 0;                 // Broken connections, until a statement succeeds.
    MonoTime connect_at_;                       // No attempt to connect before then.
    std::optional<milliseconds> clock_offset_;  // PostgreSQL's clock minus our monotonic one.
    std::optional<MonoTime> clock_read_at_;
};

// A libpq connection string with Millrace's defaults where `conninfo` sets nothing else.
std::string connection_string(const PostgresOptions& options);

// An array as a binary parameter.
inline pqxx::binarystring parameter(const ArrayParameter& array) {
    return pqxx::binarystring(array.bytes());
}

}  // namespace millrace::storage::postgres
