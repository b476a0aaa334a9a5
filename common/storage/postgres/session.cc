#include "common/storage/postgres/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/log.h"
#include "common/storage/postgres/statements.h"
#include "common/telemetry/telemetry.h"

namespace millrace::storage {
namespace {

constexpr milliseconds kPauseMin{50};
constexpr milliseconds kPauseMax{5000};
constexpr std::chrono::seconds kClockInterval{30};

std::string connection_string(const PostgresOptions& options) {
    std::string settings = fmt::format(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} "
        "-c jit=off -c timezone=UTC",
        options.statement_timeout.count(), options.statement_timeout.count(),
        2 * options.statement_timeout.count());
    if (options.pin_plans) {
        // Plans made while the tables were empty scan them whole ever after (docs/decisions).
        settings +=
            " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
            " -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off";
    }
    return fmt::format(
        "{} connect_timeout={} keepalives_idle=10 keepalives_interval=3 keepalives_count=3 "
        "tcp_user_timeout=10000 application_name='{}' options='{}'",
        options.conninfo,
        std::max<std::int64_t>(
            2, std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count()),
        options.application_name, settings);
}

// libpqxx ends its messages with a newline and quotes the statement after it.
std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

bool is_connection_state(std::string_view sqlstate) {
    return sqlstate.empty() || sqlstate.starts_with("08") || sqlstate.starts_with("57P") ||
           sqlstate == "25006";
}

}  // namespace

Session::Session(PostgresOptions options) : options_(std::move(options)) {}

Session::~Session() = default;

Status Session::run(Effect effect, std::string_view name, const Body& body) {
    return timed(effect, true, name, body);
}

Status Session::transact(std::string_view name, const Body& body) {
    return timed(Effect::kWrite, false, name, body);
}

milliseconds Session::database_time() const {
    if (clock_offset_.count() == 0) return milliseconds(0);
    const auto mono = std::chrono::floor<milliseconds>(system_clock().now().time_since_epoch());
    return mono + clock_offset_;
}

Status Session::timed(Effect effect, bool one_statement, std::string_view name, const Body& body) {
    const auto started = system_clock().now();
    auto status = attempt(effect, one_statement, body);
    // A deadlock or a serialisation failure is told by kConflict: it goes away by doing it again.
    if (!status.has_value() && status.error().code == ErrorCode::kConflict) {
        status = attempt(effect, one_statement, body);
        if (!status.has_value() && status.error().code == ErrorCode::kConflict) {
            status = Error{ErrorCode::kUnavailable, status.error().message};
        }
    }
    telemetry::observe<telemetry::Metric::kStatementSeconds>(system_clock().now() - started, name);
    if (!status.has_value()) {
        telemetry::count<telemetry::Metric::kStatementErrors>(1, name,
                                                              error_info(status.error().code).name);
    }
    return status;
}

Status Session::attempt(Effect effect, bool one_statement, const Body& body) {
    if (!connection_) TRY_STATUS(connect());
    const auto lost =
        effect == Effect::kRead ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown;
    try {
        if (one_statement) {
            pqxx::nontransaction transaction(*connection_);
            body(transaction);
        } else {
            pqxx::work transaction(*connection_);
            body(transaction);
            transaction.commit();
        }
        if (system_clock().now() - clock_read_at_ >= kClockInterval) read_clock();
        return ok();
    } catch (const pqxx::in_doubt_error& error) {
        connection_.reset();
        return Error{ErrorCode::kOutcomeUnknown, first_line(error.what())};
    } catch (const pqxx::broken_connection& error) {
        connection_.reset();
        return Error{lost, first_line(error.what())};
    } catch (const pqxx::serialization_failure& error) {
        return Error{ErrorCode::kConflict, first_line(error.what())};
    } catch (const pqxx::deadlock_detected& error) {
        return Error{ErrorCode::kConflict, first_line(error.what())};
    } catch (const pqxx::sql_error& error) {
        const auto& state = error.sqlstate();
        if (is_connection_state(state)) {
            connection_.reset();
            return Error{lost, first_line(error.what())};
        }
        if (state.starts_with("22") || state.starts_with("23")) {
            return Error{ErrorCode::kDataCorrupt, first_line(error.what())};
        }
        return Error{ErrorCode::kUnavailable, first_line(error.what())};
    } catch (const std::exception& error) {
        connection_.reset();
        return Error{ErrorCode::kInternal, first_line(error.what())};
    }
}

Status Session::connect() {
    if (system_clock().now() < connect_at_) {
        return Error{ErrorCode::kUnavailable, "PostgreSQL was not reachable a moment ago"};
    }
    try {
        auto connection = std::make_unique<pqxx::connection>(connection_string(options_));
        for (const auto& [name, text] : statements()) {
            connection->prepare(std::string(name), std::string(text));
        }
        connection_ = std::move(connection);
        if (pause_.count() > 0) {
            log_info("connected to PostgreSQL again");
            telemetry::count<telemetry::Metric::kReconnects>();
        }
        pause_ = milliseconds(0);
        read_clock();
        return ok();
    } catch (const std::exception& error) {
        connection_.reset();
        pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
        connect_at_ = system_clock().now() + pause_;
        return Error{ErrorCode::kUnavailable,
                     fmt::format("cannot connect to PostgreSQL: {}", first_line(error.what()))};
    }
}

void Session::read_clock() {
    pqxx::nontransaction transaction(*connection_);
    const auto before = system_clock().now();
    const auto row =
        transaction.exec1("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    const auto after = system_clock().now();
    const auto middle = before + (after - before) / 2;
    clock_offset_ = milliseconds(row[0].as<std::int64_t>()) -
                    std::chrono::floor<milliseconds>(middle.time_since_epoch());
    clock_read_at_ = after;
}

}  // namespace millrace::storage
