#include "common/storage/postgres/postgres_error.h"

#include <fmt/format.h>

#include <pqxx/pqxx>
#include <string>
#include <string_view>

namespace millrace::storage::postgres {
namespace {

// The first line without its severity; the lines after it may quote the values of a row.
std::string message_of(const std::exception& exception) {
    std::string_view text = exception.what();
    text = text.substr(0, text.find('\n'));
    if (const auto colon = text.find(":  "); colon != text.npos) text.remove_prefix(colon + 3);
    return std::string(text);
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
Failure sql_failure(std::string_view state, const std::string& message, Effect effect) {
    const auto lost =
        effect == Effect::kRead ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown;
    const auto is_class = [&](std::string_view prefix) { return state.starts_with(prefix); };
    // libpqxx 6 reports some broken connections as an error of the statement, without a state. A
    // server that crashes (57P02) may have committed first.
    if (state.empty() || is_class("08") || state == "57P02") return {{lost, message}, true};
    // The server went away before the statement ended, or it is read-only and another may not be.
    if (is_class("57P") || state == "25006") return {{ErrorCode::kUnavailable, message}, true};
    // The row was bound for the default partition when its own was made; repeated, it goes there.
    if (state == "23514" && message.find("violates partition constraint") != message.npos) {
        return {{ErrorCode::kUnavailable, message}, false, true};
    }
    if (is_class("22") || is_class("23")) return {{ErrorCode::kDataCorrupt, message}};
    // Resources ran out, a lock was held for too long, or a statement took too long.
    if (is_class("53") || is_class("55") || is_class("57")) {
        return {{ErrorCode::kUnavailable, message}};
    }
    // Prepared before the schema changed, or on a connection that a pooler has replaced.
    if (is_class("0A") || is_class("26")) return {{ErrorCode::kUnavailable, message}, true};
    return {{ErrorCode::kInternal, fmt::format("{} (SQLSTATE {})", message, state)}};
}

}  // namespace

Failure current_failure(Effect effect) {
    const auto lost =
        effect == Effect::kRead ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown;
    try {
        throw;
    } catch (const pqxx::in_doubt_error& error) {
        return {{ErrorCode::kOutcomeUnknown, message_of(error)}, true};
    } catch (const pqxx::statement_completion_unknown& error) {
        return {{ErrorCode::kOutcomeUnknown, message_of(error)}, true};
    } catch (const pqxx::transaction_rollback& error) {
        return {{ErrorCode::kUnavailable, message_of(error)}, false, true};
    } catch (const pqxx::too_many_connections& error) {
        return {{ErrorCode::kUnavailable, message_of(error)}, true};
    } catch (const pqxx::broken_connection& error) {
        return {{lost, message_of(error)}, true};
    } catch (const pqxx::sql_error& error) {
        return sql_failure(error.sqlstate(), message_of(error), effect);
    } catch (const std::exception& error) {
        // Ours or libpqxx's: the answer is not valid, and the connection may not be either.
        return {{ErrorCode::kInternal, message_of(error)}, true};
    }
}

}  // namespace millrace::storage::postgres
