#include "common/storage/postgres/session.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/storage/postgres/statements.h"
#include "common/telemetry/telemetry.h"

namespace millrace::storage::postgres {
namespace {

using std::chrono::seconds;
using telemetry::Metric;

constexpr milliseconds kPauseMin{50};
// Each session finds a server that is back within this time, on its own.
constexpr milliseconds kPauseMax{1000};
constexpr seconds kClockInterval{10};

// Set by statements, because poolers refuse the `options` of a connection string.
std::string session_settings(const PostgresOptions& options) {
    const auto timeout = options.statement_timeout.count();
    auto settings = fmt::format(
        "SET statement_timeout = {}; SET lock_timeout = {}; "
        "SET idle_in_transaction_session_timeout = {}; "
        "SET timezone = 'UTC'; SET client_min_messages = warning; SET jit = off; "
        // Our text is UTF-8, whatever PGCLIENTENCODING or the role says.
        "SET client_encoding = 'UTF8';",
        timeout, timeout / 2, 2 * timeout);
    if (options.pin_plans) {
        // A plan made while the tables are empty goes on reading them whole, and statistics of
        // tables that fill and empty all day are always out of date. The statements must do the
        // rest: they find a row by `id = ANY (ARRAY[a.id])` and not by `id = a.id`, because the
        // planner may also use the latter in reverse, starting from all rows of the table, if they
        // were few once.
        settings +=
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; "
            "SET enable_memoize = off;";
    }
    return settings;
}

}  // namespace

std::string connection_string(const PostgresOptions& options) {
    const auto& given = options.conninfo;
    const auto timeout =
        std::max<std::int64_t>(2, std::chrono::ceil<seconds>(options.connect_timeout).count());
    const bool is_uri = given.starts_with("postgresql://") || given.starts_with("postgres://");
    if (is_uri) {
        return fmt::format("{}{}connect_timeout={}&keepalives_idle=10&tcp_user_timeout=10000",
                           given, given.find('?') == given.npos ? '?' : '&', timeout);
    }
    // If a word is given twice, the later one counts.
    return fmt::format(
        "application_name='{}' connect_timeout={} keepalives_idle=10 keepalives_interval=3 "
        "keepalives_count=3 tcp_user_timeout=10000 {}",
        options.application_name, timeout, given);
}

Session::Session(PostgresOptions options) : options_(std::move(options)) {}

Session::~Session() = default;

Status Session::run(Effect effect, std::string_view name, const Body& body) {
    return timed(effect, Commit::kEachStatement, name, body);
}

Status Session::transact(std::string_view name, const Body& body) {
    return timed(Effect::kWrite, Commit::kAtTheEnd, name, body);
}

milliseconds Session::database_time() const {
    if (!clock_offset_) return milliseconds(0);
    const auto mono = std::chrono::floor<milliseconds>(system_clock().now().time_since_epoch());
    return mono + *clock_offset_;
}

Status Session::timed(Effect effect, Commit commit, std::string_view name, const Body& body) {
    const auto started = system_clock().now();
    auto failure = attempt(effect, commit, body);
    if (failure && failure->goes_away_by_repeating) failure = attempt(effect, commit, body);
    telemetry::observe<Metric::kStatementSeconds>(system_clock().now() - started, name);
    if (!failure) return ok();
    telemetry::count<Metric::kStatementErrors>(1, name, error_info(failure->error.code).name);
    return failure->error;
}

std::optional<Failure> Session::attempt(Effect effect, Commit commit, const Body& body) {
    if (auto failure = be_connected()) return failure;
    try {
        execute(commit, body);
        failures_in_a_row_ = 0;
        return std::nullopt;
    } catch (...) {
        // Before its commit, a transaction of several statements has changed nothing.
        auto failure = current_failure(commit == Commit::kAtTheEnd ? Effect::kRead : effect);
        handle(failure);
        return failure;
    }
}

void Session::execute(Commit commit, const Body& body) {
    if (commit == Commit::kEachStatement) {
        pqxx::nontransaction transaction(*connection_);
        body(transaction);
        return;
    }
    pqxx::work transaction(*connection_);
    body(transaction);
    transaction.commit();
}

// Replaces a connection that died while it was idle, before anything is sent over it. So the loss
// leaves no doubt about the outcome of a write.
std::optional<Failure> Session::be_connected() {
    if (connection_) {
        const bool knows_clock =
            clock_read_at_ && system_clock().now() - *clock_read_at_ < kClockInterval;
        if (knows_clock && !has_unread_bytes()) return std::nullopt;
        try {
            read_clock();
            return std::nullopt;
        } catch (...) {
            handle(current_failure(Effect::kRead));
            if (connection_) return std::nullopt;
        }
    }
    if (system_clock().now() < connect_at_) {
        return Failure{{ErrorCode::kUnavailable, "PostgreSQL could not be reached a moment ago"}};
    }
    try {
        connect();
        return std::nullopt;
    } catch (...) {
        auto failure = current_failure(Effect::kRead);
        failure.connection_is_broken = true;
        handle(failure);
        failure.error.code = ErrorCode::kUnavailable;
        return failure;
    }
}

void Session::connect() {
    connection_ = std::make_unique<pqxx::connection>(connection_string(options_));
    connection_->set_verbosity(pqxx::connection_base::terse);
    {
        pqxx::nontransaction transaction(*connection_);
        transaction.exec(session_settings(options_));
    }
    // Only registers the names: each statement is prepared when it is first used.
    for (const auto& [name, text] : statements()) {
        connection_->prepare(std::string(name), std::string(text));
    }
    read_clock();
    if (was_connected_) {
        log_info("connected to PostgreSQL again");
        telemetry::count<Metric::kReconnects>();
    }
    was_connected_ = true;
}

void Session::handle(const Failure& failure) {
    if (!failure.connection_is_broken) return;
    connection_.reset();
    ++failures_in_a_row_;
    // A connection that breaks after it worked is replaced at once. After that the pauses grow, and
    // they differ between processes, so that a server that comes back is not overrun.
    if (failures_in_a_row_ < 2) return;
    const auto doublings = std::min(failures_in_a_row_ - 2, 10);
    const auto pause = std::min(kPauseMin * (1 << doublings), kPauseMax);
    const auto jitter = system_random().below(static_cast<std::uint64_t>(pause.count()) / 2);
    connect_at_ = system_clock().now() + pause - milliseconds(jitter);
    if (failures_in_a_row_ == 2) {
        log_warning("PostgreSQL cannot be used; trying again", {{"reason", failure.error.message}});
    }
}

// Nothing is expected on an idle connection; bytes are a farewell, an end of file, or a harmless
// notice.
bool Session::has_unread_bytes() const {
    pollfd socket{.fd = connection_->sock(), .events = POLLIN, .revents = 0};
    return ::poll(&socket, 1, 0) != 0;
}

void Session::read_clock() {
    pqxx::nontransaction transaction(*connection_);
    const auto before = system_clock().now();
    const auto row = transaction.exec_prepared1("clock");
    const auto after = system_clock().now();
    const auto middle = before + (after - before) / 2;
    clock_offset_ = milliseconds(row[0].as<std::int64_t>()) -
                    std::chrono::floor<milliseconds>(middle.time_since_epoch());
    clock_read_at_ = after;
}

}  // namespace millrace::storage::postgres
