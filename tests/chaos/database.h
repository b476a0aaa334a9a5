// The system's database, as an operator with psql sees and disturbs it.
//
// Threads:   one caller at a time.
// Errors:    what libpqxx throws.
// Blocks:    as long as the statement.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::chaos {

class Database {
 public:
    explicit Database(std::string conninfo) : conninfo_(std::move(conninfo)) {}

    // Returns the first column of all rows. Each call makes a new connection.
    std::vector<std::int64_t> numbers(const std::string& sql) const;
    std::int64_t number(const std::string& sql) const { return numbers(sql).at(0); }

 private:
    std::string conninfo_;
};

// A session that stays open, with any transaction that it has begun, until it is destroyed.
class HeldSession {
 public:
    explicit HeldSession(const std::string& conninfo);
    ~HeldSession();

    void run(const std::string& sql);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::chaos
