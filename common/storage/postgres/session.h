// One connection to PostgreSQL with its prepared statements: made when it is needed, thrown away
// when it broke, and made again with growing pauses. Internal to this folder.
//
// Threads: one caller at a time.
// Errors:  those of JobStore; nothing that libpqxx throws leaves here.
#pragma once

#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/storage/postgres/array_parameter.h"
#include "common/storage/postgres/postgres_job_store.h"

namespace millrace::storage {

// What is known when the answer to a call is lost: a read changed nothing, a write may have.
enum class Effect { kRead, kWrite };

class Session {
 public:
    explicit Session(PostgresOptions options);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    using Body = std::function<void(pqxx::transaction_base&)>;

    // One statement that is a transaction of its own.
    Status run(Effect effect, std::string_view name, const Body& body);
    // Several statements in one transaction, which commits when the body returns.
    Status transact(std::string_view name, const Body& body);

    // PostgreSQL's clock, estimated; zero before the first connection.
    milliseconds database_time() const;

 private:
    Status connect();
    Status attempt(Effect effect, bool one_statement, const Body& body);
    Status timed(Effect effect, bool one_statement, std::string_view name, const Body& body);
    void read_clock();

    const PostgresOptions options_;
    std::unique_ptr<pqxx::connection> connection_;
    milliseconds pause_{0};
    MonoTime connect_at_;
    milliseconds clock_offset_{0};  // PostgreSQL's clock less our monotonic one; zero: unknown.
    MonoTime clock_read_at_;
};

// An array as a binary parameter.
inline pqxx::binarystring parameter(ArrayParameter& array) {
    const auto& bytes = array.finish();
    return pqxx::binarystring(bytes.data(), bytes.size());
}
inline pqxx::binarystring parameter(ArrayParameter&& array) {
    return parameter(array);
}

}  // namespace millrace::storage
