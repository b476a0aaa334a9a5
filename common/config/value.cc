#include "common/config/value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <regex>
#include <span>

#include "common/base/check.h"
#include "common/base/device.h"

namespace millrace::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

// Largest first, because printing tries them in this order.
constexpr std::array kTimeUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kByteUnits{Unit{"GiB", std::int64_t{1} << 30}, Unit{"MiB", 1 << 20},
                                Unit{"KiB", 1 << 10}, Unit{"B", 1}};

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number<std::int64_t>(text.substr(0, digits));
    if (!number) return std::nullopt;
    for (const auto& unit : units) {
        if (unit.name != trim(text.substr(digits))) continue;
        if (*number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
        return *number * unit.factor;
    }
    return std::nullopt;
}

std::string show_with_unit(std::int64_t value, std::span<const Unit> units) {
    for (const auto& unit : units) {
        if (value != 0 && value % unit.factor == 0) {
            return fmt::format("{}{}", value / unit.factor, unit.name);
        }
    }
    return fmt::format("{}{}", value, units.back().name);
}

constexpr std::string_view kEscaped = ", \t\\";  // Characters that a backslash in a list escapes.

std::vector<std::string> parse_list(std::string_view text) {
    std::vector<std::string> entries;
    std::string entry;
    std::size_t kept = 0;  // The characters of `entry` without the blanks to trim at its end.
    const auto end_entry = [&] {
        entry.resize(kept);
        if (!entry.empty()) entries.push_back(entry);
        entry.clear();
        kept = 0;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escapes = text[i] == '\\' && i + 1 < text.size() &&
                             kEscaped.find(text[i + 1]) != std::string_view::npos;
        if (escapes) ++i;
        const bool is_blank = !escapes && (text[i] == ' ' || text[i] == '\t');
        if (!escapes && text[i] == ',') {
            end_entry();
        } else if (!is_blank || !entry.empty()) {
            entry += text[i];
            if (!is_blank) kept = entry.size();
        }
    }
    end_entry();
    return entries;
}

Result<Value> parse_device_list(std::string_view text) {
    auto devices = parse_list(text);
    TRY_STATUS(parse_devices(devices));
    return Value(std::move(devices));
}

Result<Value> parse_bool(std::string_view text) {
    if (text == "true") return Value(true);
    if (text == "false") return Value(false);
    return invalid("not true or false");
}

// Parses a value of the row's type without checking bounds.
Result<Value> parse_by_type(Type type, std::string_view text) {
    switch (type) {
        case Type::kString:
        case Type::kConninfo:
        case Type::kSecret:
            return Value(std::string(text));
        case Type::kInt:
            if (const auto number = parse_number<std::int64_t>(text)) return Value(*number);
            return invalid("not a whole number");
        case Type::kDouble:
            if (const auto number = parse_number<double>(text); number && std::isfinite(*number)) {
                return Value(*number);
            }
            return invalid("not a number");
        case Type::kBool:
            return parse_bool(text);
        case Type::kDuration: {
            TRY(const auto duration, parse_duration(text));
            return Value(duration);
        }
        case Type::kBytes: {
            TRY(const auto bytes, parse_bytes(text));
            return Value(bytes);
        }
        case Type::kList:
        case Type::kSecretList:
            return Value(parse_list(text));
        case Type::kDevices:
            return parse_device_list(text);
    }
    CHECK(false);
}

bool is_one_of(std::string_view choices, std::string_view text) {
    while (!choices.empty()) {
        const auto bar = std::min(choices.find('|'), choices.size());
        if (choices.substr(0, bar) == text) return true;
        choices.remove_prefix(std::min(bar + 1, choices.size()));
    }
    return false;
}

bool is_within(const SettingInfo& row, const Value& value) {
    if (row.bounds.empty()) return true;
    if (const auto* text = std::get_if<std::string>(&value)) return is_one_of(row.bounds, *text);
    const auto dots = row.bounds.find("..");
    CHECK(dots != std::string_view::npos);
    const auto least = parse_by_type(row.type, row.bounds.substr(0, dots));
    const auto most = parse_by_type(row.type, row.bounds.substr(dots + 2));
    CHECK(least.has_value() && most.has_value());
    return *least <= value && value <= *most;
}

}  // namespace

Result<Value> parse_value(const SettingInfo& row, std::string_view text) {
    TRY(auto value, parse_by_type(row.type, text));
    if (is_within(row, value)) return value;
    const bool is_choice = std::holds_alternative<std::string>(value);
    return invalid(
        fmt::format("{}; allowed is {}", is_choice ? "not allowed" : "out of bounds", row.bounds));
}

std::string list_text(const std::vector<std::string>& entries) {
    std::string text;
    for (const auto& entry : entries) {
        if (!text.empty()) text += ',';
        for (std::size_t i = 0; i < entry.size(); ++i) {
            const bool at_edge = i == 0 || i + 1 == entry.size();
            const bool is_blank = entry[i] == ' ' || entry[i] == '\t';
            const bool escapes_next =
                entry[i] == '\\' &&
                (i + 1 == entry.size() || kEscaped.find(entry[i + 1]) != std::string_view::npos);
            if (entry[i] == ',' || escapes_next || (is_blank && at_edge)) text += '\\';
            text += entry[i];
        }
    }
    return text;
}

std::string show_value(const SettingInfo& row, const Value& value) {
    switch (row.type) {
        case Type::kString:
            return std::get<std::string>(value);
        case Type::kConninfo:
            return hide_password(std::get<std::string>(value));
        case Type::kSecret:
            return std::get<std::string>(value).empty() ? "" : "***";
        case Type::kInt:
            return fmt::format("{}", std::get<std::int64_t>(value));
        case Type::kDouble:
            return fmt::format("{}", std::get<double>(value));
        case Type::kBool:
            return std::get<bool>(value) ? "true" : "false";
        case Type::kDuration:
            return show_duration(std::get<milliseconds>(value));
        case Type::kBytes:
            return show_bytes(std::get<std::int64_t>(value));
        case Type::kList:
        case Type::kDevices:
            return list_text(std::get<std::vector<std::string>>(value));
        case Type::kSecretList:
            return std::get<std::vector<std::string>>(value).empty() ? "" : "***";
    }
    CHECK(false);
}

Result<milliseconds> parse_duration(std::string_view text) {
    if (const auto ms = parse_with_unit(text, kTimeUnits)) return milliseconds(*ms);
    return invalid("not a duration: a whole number and one of ms, s, m, h, d");
}

std::string show_duration(milliseconds duration) {
    return show_with_unit(duration.count(), kTimeUnits);
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    if (const auto bytes = parse_with_unit(text, kByteUnits)) return *bytes;
    return invalid("not a size: a whole number and one of B, KiB, MiB, GiB");
}

std::string show_bytes(std::int64_t bytes) {
    return show_with_unit(bytes, kByteUnits);
}

std::string hide_password(std::string_view conninfo) {
    static const std::regex keyword(R"((password\s*=\s*)('(?:[^'\\]|\\.)*'|(?:[^\s\\]|\\.)+))");
    static const std::regex uri(R"(^(postgres(?:ql)?://[^:/@]*:)[^@]*@)");
    static const std::regex parameter(R"(([?&]password=)[^&]*)");
    std::string shown(conninfo);
    if (std::regex_search(shown, std::regex("^postgres(ql)?://"))) {
        shown = std::regex_replace(shown, uri, "$1***@");
        return std::regex_replace(shown, parameter, "$1***");
    }
    return std::regex_replace(shown, keyword, "$1***");
}

}  // namespace millrace::config
