#include "common/base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "common/base/text.h"

namespace millrace {
namespace {

struct Logger {
    std::shared_ptr<spdlog::logger> sink;
    LogFormat format = LogFormat::kText;
    std::string program;
};

std::shared_ptr<Logger> make_logger(const LogOptions& options) {
    auto logger = std::make_shared<Logger>();
    logger->sink = std::make_shared<spdlog::logger>(
        "millrace", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->format = options.format;
    logger->program = options.program;
    logger->sink->set_pattern(
        options.format == LogFormat::kJson ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
    logger->sink->flush_on(spdlog::level::trace);
    constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                     spdlog::level::warn, spdlog::level::err};
    logger->sink->set_level(kLevels[static_cast<int>(options.level)]);
    return logger;
}

std::shared_ptr<Logger>& current() {
    static std::shared_ptr<Logger> logger = make_logger(LogOptions{});
    return logger;
}

// Control characters (C0, DEL, C1) are invisible, and a terminal obeys them.
bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return first < 0x20 || first == 0x7F;
    return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const auto size = utf8_sequence(text);
        const auto character = text.substr(0, size > 0 ? size : broken_sequence(text));
        text.remove_prefix(character.size());
        if (size == 0) {
            out += kReplacementCharacter;
        } else if (is_control(character)) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                           static_cast<unsigned char>(character.back()));
        } else {
            if (character == "\"" || character == "\\") out += '\\';
            out += character;
        }
    }
}

// Whether the text form of the log can show the value without quotes.
bool is_bare(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '=';
    });
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text);
    out += '"';
}

void append_value(std::string& out, const LogField& field, LogFormat format) {
    if (const auto* text = std::get_if<std::string>(&field.value)) {
        if (format == LogFormat::kText && is_bare(*text)) {
            out += *text;
        } else {
            append_quoted(out, *text);
        }
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        fmt::format_to(std::back_inserter(out), "{}", *number);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
        const bool has_word = std::isfinite(*real) || format == LogFormat::kText;
        out += has_word ? fmt::format("{:.6g}", *real) : "null";
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

std::string json_line(const Logger& logger, LogLevel level, std::string_view message,
                      LogFields fields) {
    constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    std::string line = fmt::format(R"({{"time_ms":{},"level":"{}","program":)", ms,
                                   kNames[static_cast<int>(level)]);
    append_quoted(line, logger.program);
    line += R"(,"message":)";
    append_quoted(line, message);
    for (const auto& field : fields) {
        line += ',';
        append_quoted(line, field.key);
        line += ':';
        append_value(line, field, LogFormat::kJson);
    }
    line += '}';
    return line;
}

std::string text_line(const Logger& logger, std::string_view message, LogFields fields) {
    std::string line = logger.program.empty() ? "" : logger.program + " ";
    line += message;
    for (const auto& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        append_value(line, field, LogFormat::kText);
    }
    return line;
}

}  // namespace

void init_logging(const LogOptions& options) {
    current() = make_logger(options);
}

void log(LogLevel level, std::string_view message, LogFields fields) {
    constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                     spdlog::level::warn, spdlog::level::err};
    const auto& logger = *current();
    const auto spd_level = kLevels[static_cast<int>(level)];
    if (!logger.sink->should_log(spd_level)) return;
    const auto line = logger.format == LogFormat::kJson ? json_line(logger, level, message, fields)
                                                        : text_line(logger, message, fields);
    logger.sink->log(spd_level, spdlog::string_view_t(line));
}

}  // namespace millrace
