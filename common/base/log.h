// Structured logs: a constant message with facts as fields, one line per decision.
//
//   log_info("job claimed", {{"job", id.str()}, {"epoch", epoch}});
//
// Never pass payloads, prompts, outputs or secrets as fields. Error level means that a person
// should look.
//
// Threads: thread-safe. Lines logged before init_logging go to standard error as text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace millrace {

// One fact of a log line. Converts from strings, integers, doubles and bools.
struct LogField {
    std::string_view key;
    std::variant<std::string, std::int64_t, double, bool> value;

    LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
    LogField(std::string_view k, Integer v) : key(k), value(static_cast<std::int64_t>(v)) {}
};

using LogFields = std::initializer_list<LogField>;

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogOptions {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
    std::string program;  // Appears in every line, e.g. "millrace-worker".
};

// Call once at the start of main; lines go to standard error.
void init_logging(const LogOptions& options);

void log(LogLevel level, std::string_view message, LogFields fields = {});
inline void log_debug(std::string_view m, LogFields f = {}) {
    log(LogLevel::kDebug, m, f);
}
inline void log_info(std::string_view m, LogFields f = {}) {
    log(LogLevel::kInfo, m, f);
}
inline void log_warning(std::string_view m, LogFields f = {}) {
    log(LogLevel::kWarning, m, f);
}
inline void log_error(std::string_view m, LogFields f = {}) {
    log(LogLevel::kError, m, f);
}

}  // namespace millrace
