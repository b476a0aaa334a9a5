#include "producer/cli/up/program_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/base/error.h"
#include "common/process/log_file.h"
#include "producer/cli/json_text.h"

namespace millrace::cli::up {
namespace {

using Level = LogLine::Level;

constexpr std::uintmax_t kReadBytesMax = 64 * 1024;
constexpr std::size_t kLastLines = 5;
constexpr std::string_view kBadSettings = ": bad settings:";

using Fields = std::vector<std::pair<std::string, std::string>>;

Level level_of(std::string_view name) {
    if (name == "error") return Level::kError;
    if (name == "warning") return Level::kWarning;
    return name == "info" || name == "debug" ? Level::kInfo : Level::kNone;
}

// The code in "unavailable: no such server" is for programs; people want what follows it.
std::string_view without_code(std::string_view reason) {
    for (const auto& row : error_table()) {
        const auto size = row.name.size();
        if (reason.starts_with(row.name) && reason.substr(size).starts_with(": ")) {
            return reason.substr(size + 2);
        }
    }
    return reason;
}

std::string in_words(std::string_view message, const Fields& fields) {
    std::string text(message);
    std::string facts;
    std::string reason;
    for (const auto& [key, value] : fields) {
        constexpr std::string_view kMs = "_ms";
        if (key == "reason" || key == "how") {
            reason = without_code(value);
            continue;
        }
        auto name = key;
        const bool is_time = name.ends_with(kMs);
        if (is_time) name.resize(name.size() - kMs.size());
        std::ranges::replace(name, '_', ' ');
        facts +=
            fmt::format("{}{} {}{}", facts.empty() ? "" : ", ", name, value, is_time ? " ms" : "");
    }
    if (!facts.empty()) text += fmt::format(" ({})", facts);
    if (!reason.empty()) text += ": " + reason;
    return text;
}

// Takes the value at the front of `text`, which begins after an equals sign.
std::string take_value(std::string_view& text) {
    std::string value;
    if (!text.starts_with('"')) {
        const auto end = std::min(text.find(' '), text.size());
        value = text.substr(0, end);
        text.remove_prefix(end);
        return value;
    }
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
        const bool is_escaped = text[i] == '\\' && i + 1 < text.size();
        if (is_escaped) ++i;
        if (is_escaped && text[i] == 'u') {
            // Only control characters are written in this form.
            const auto code = std::string(text.substr(i + 1, 4));
            value += code == "000a" ? '\n' : ' ';
            i = std::min(i + 4, text.size() - 1);
        } else {
            value += text[i];
        }
    }
    text.remove_prefix(std::min(i + 1, text.size()));
    return value;
}

// Takes the word at the front of `text` and the blanks after it.
std::string_view take_word(std::string_view& text) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
    return word;
}

// The start of the fields: the first word with an equals sign.
std::size_t end_of_message(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return text.size();
    const auto blank = text.rfind(' ', equals);
    return blank == std::string_view::npos ? text.size() : blank;
}

// Parses: 2030-01-01T00:00:00.000 warning millrace-worker a message key=value key="a value"
std::optional<LogLine> read_text(std::string_view line) {
    constexpr std::string_view kPrograms = "millrace-";
    const auto time = take_word(line);
    if (time.size() < 19 || time[4] != '-' || time[10] != 'T') return std::nullopt;
    const auto level = level_of(take_word(line));
    if (level == Level::kNone || !take_word(line).starts_with(kPrograms)) return std::nullopt;
    const auto at = end_of_message(line);
    Fields fields;
    for (auto left = line.substr(at); left.starts_with(' ');) {
        left.remove_prefix(1);
        const auto equals = left.find('=');
        if (equals == std::string_view::npos) break;
        const std::string key(left.substr(0, equals));
        left.remove_prefix(equals + 1);
        fields.emplace_back(key, take_value(left));
    }
    return LogLine{.level = level, .text = in_words(line.substr(0, at), fields)};
}

std::optional<LogLine> read_json(const std::string& line) {
    const auto json = parse_json(line);
    if (!json.is_object() || !json.contains("message") || !json["message"].is_string()) {
        return std::nullopt;
    }
    Fields fields;
    for (const auto& [key, value] : json.items()) {
        constexpr std::array<std::string_view, 4> kKnown{"time_ms", "level", "program", "message"};
        if (std::ranges::find(kKnown, key) != kKnown.end()) continue;
        fields.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    const auto level = json.contains("level") && json["level"].is_string()
                           ? level_of(json["level"].get<std::string>())
                           : Level::kNone;
    return LogLine{.level = level, .text = in_words(json["message"].get<std::string>(), fields)};
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace

LogLine read_log_line(std::string_view line) {
    const std::string text(line);
    if (auto found = text.starts_with('{') ? read_json(text) : read_text(line)) return *found;
    return {.level = Level::kNone, .text = text};
}

std::string reason_of_end(std::string_view log) {
    const auto lines = lines_of(log);
    const auto refused = std::ranges::find_if(
        lines, [](const std::string& line) { return line.ends_with(kBadSettings); });
    if (refused != lines.end()) {
        return fmt::format("{}", fmt::join(refused + 1, lines.end(), "\n"));
    }
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        auto read = read_log_line(*line);
        if (read.level != Level::kError) continue;
        constexpr std::string_view kCannotStart = "cannot start: ";
        if (read.text.starts_with(kCannotStart)) read.text.erase(0, kCannotStart.size());
        return read.text;
    }
    // Foreign lines: the last messages of a library or the system's loader before the program
    // ended.
    std::vector<std::string> last;
    for (auto line = lines.rbegin(); line != lines.rend() && last.size() < kLastLines; ++line) {
        auto read = read_log_line(*line);
        if (read.level == Level::kNone && !read.text.empty()) last.push_back(std::move(read.text));
    }
    return fmt::format("{}", fmt::join(last.rbegin(), last.rend(), "\n"));
}

void ProgramLog::begin() {
    process::bound_log(path_);
    begin_ = read_ = process::log_size(path_);
}

std::string ProgramLog::text() const {
    return process::log_end(path_, kReadBytesMax, begin_);
}

std::vector<std::string> ProgramLog::news() {
    const auto size = process::log_size(path_);
    if (size < read_) begin_ = read_ = 0;  // The file was emptied.
    read_ = std::max(read_, size - std::min(size, kReadBytesMax));
    auto text = process::log_part(path_, read_, kReadBytesMax);
    text.resize(text.rfind('\n') + 1);  // npos + 1 is 0: no whole line yet.
    read_ += text.size();
    if (process::bound_log(path_)) begin_ = read_ = 0;
    return lines_of(text);
}

}  // namespace millrace::cli::up
