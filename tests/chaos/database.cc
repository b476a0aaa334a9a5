#include "tests/chaos/database.h"

#include <pqxx/pqxx>

namespace millrace::chaos {

std::vector<std::int64_t> Database::numbers(const std::string& sql) const {
    pqxx::connection connection(conninfo_);
    pqxx::nontransaction session(connection);
    std::vector<std::int64_t> numbers;
    for (const auto& row : session.exec(sql)) numbers.push_back(row[0].as<std::int64_t>(0));
    return numbers;
}

struct HeldSession::State {
    explicit State(const std::string& conninfo) : connection(conninfo), session(connection) {}

    pqxx::connection connection;
    pqxx::nontransaction session;
};

HeldSession::HeldSession(const std::string& conninfo) : state_(std::make_unique<State>(conninfo)) {}

HeldSession::~HeldSession() = default;

void HeldSession::run(const std::string& sql) {
    state_->session.exec(sql);
}

}  // namespace millrace::chaos
