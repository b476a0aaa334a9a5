#include "producer/api/codec/time_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/text.h"
#include "common/config/value.h"

namespace millrace::api::codec {
namespace {

using std::chrono::microseconds;
using storage::DbTime;

constexpr std::int64_t kSecondsMax = 253402300799;  // The end of the year 9999.
// Smaller numbers, except for 0, are refused: somebody who writes 2027 or 20270101 means a date,
// and somebody who writes 60 means a duration.
constexpr std::int64_t kSecondsMin = 100'000'000;  // In 1973.

// Parses the whole text as a number: digits, optionally a point, optionally an exponent.
std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
    if (!std::isfinite(value)) return std::nullopt;
    return value;
}

// Parses a date's field of exactly `count` digits.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) return std::nullopt;
    const auto field = text.substr(at, count);
    if (!std::ranges::all_of(field, is_digit)) return std::nullopt;
    int value = 0;
    for (const char c : field) value = value * 10 + (c - '0');
    return value;
}

std::optional<DbTime> parse_unix(std::string_view text) {
    std::int64_t seconds = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, seconds);
    if (result.ec == std::errc() && result.ptr == end && !text.empty()) {
        const bool is_time = seconds == 0 || (seconds >= kSecondsMin && seconds <= kSecondsMax);
        if (!is_time) return std::nullopt;
        return DbTime(std::chrono::seconds(seconds));
    }
    const auto fraction = parse_decimal(text);
    if (!fraction || *fraction > static_cast<double>(kSecondsMax)) return std::nullopt;
    if (*fraction != 0 && *fraction < static_cast<double>(kSecondsMin)) return std::nullopt;
    return DbTime(microseconds(static_cast<std::int64_t>(*fraction * 1e6)));
}

// Parses "Z", "+01:00", "-0100" or "+01".
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
    if (text == "Z" || text == "z") return std::chrono::minutes(0);
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const bool has_colon = text.size() == 6 && text[3] == ':';
    if (!has_colon && text.size() != 5 && text.size() != 3) return std::nullopt;
    const auto hours = digits(text, 1, 2);
    const auto minutes = text.size() == 3 ? 0 : digits(text, has_colon ? 4 : 3, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return text[0] == '-' ? -offset : offset;
}

// Takes a fraction such as ".123" from the front, in microseconds.
std::optional<microseconds> take_fraction(std::string_view& text) {
    if (!text.starts_with('.')) return microseconds(0);
    std::size_t end = 1;
    std::int64_t micros = 0;
    for (std::int64_t unit = 100000; end < text.size() && is_digit(text[end]); ++end, unit /= 10) {
        micros += unit * (text[end] - '0');
    }
    if (end == 1) return std::nullopt;
    text.remove_prefix(end);
    return microseconds(micros);
}

// A text in the form of a date and a time, split. Its fields may be out of range.
struct DateTime {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    microseconds fraction{0};
    std::string_view zone;  // What remains after all that.

    bool is_day() const {
        using namespace std::chrono;
        return year_month_day{std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))}
            .ok();
    }
};

bool is_date(std::string_view text) {
    return digits(text, 0, 4) && digits(text, 5, 2) && digits(text, 8, 2) && text[4] == '-' &&
           text[7] == '-';
}

std::optional<DateTime> split(std::string_view text) {
    if (text.size() < 16 || !is_date(text)) return std::nullopt;
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    if (!hour || !minute || text[13] != ':' ||
        std::string_view("Tt ").find(text[10]) == std::string_view::npos) {
        return std::nullopt;
    }
    DateTime time{.year = *digits(text, 0, 4),
                  .month = *digits(text, 5, 2),
                  .day = *digits(text, 8, 2),
                  .hour = *hour,
                  .minute = *minute};
    time.zone = text.substr(16);
    if (!time.zone.starts_with(':')) return time;
    const auto second = digits(time.zone, 1, 2);
    if (!second) return std::nullopt;
    time.second = *second;
    time.zone.remove_prefix(3);
    const auto fraction = take_fraction(time.zone);
    if (!fraction) return std::nullopt;
    time.fraction = *fraction;
    return time;
}

std::optional<DbTime> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    const auto time = split(text);
    if (!time || !time->is_day() || time->hour > 23 || time->minute > 59) return std::nullopt;
    const auto offset = parse_offset(time->zone);
    if (!offset || time->second > 60) return std::nullopt;
    const year_month_day date{year(time->year), month(static_cast<unsigned>(time->month)),
                              day(static_cast<unsigned>(time->day))};
    const auto minute = sys_days(date) + hours(time->hour) + minutes(time->minute) - *offset;
    // A leap second ends a UTC day; here it becomes the second after it.
    const bool ends_a_day = floor<days>(minute) != floor<days>(minute + minutes(1));
    if (time->second == 60 && !ends_a_day) return std::nullopt;
    const DbTime at = minute + seconds(time->second) + time->fraction;
    if (at < DbTime() || at > DbTime(seconds(kSecondsMax))) return std::nullopt;
    return at;
}

constexpr std::string_view kTimeWanted =
    "unix seconds, or a time with its zone such as \"2030-01-31T09:00:00Z\"";

std::string number_advice(double value) {
    if (value < 0) return "a time from 1970 on";
    if (value < static_cast<double>(kSecondsMin)) {
        const bool is_year = value >= 1970 && value <= 9999 && value == std::floor(value);
        return is_year ? fmt::format("a whole time such as \"{:.0f}-01-01T00:00:00Z\"", value)
                       : fmt::format("{}; a number below {} is not a time of this century",
                                     kTimeWanted, kSecondsMin);
    }
    // JavaScript and Java count milliseconds; others count microseconds or nanoseconds.
    for (const double unit : {1e3, 1e6, 1e9}) {
        const auto seconds = value / unit;
        if (seconds > static_cast<double>(kSecondsMax) / 10) continue;
        return fmt::format("seconds, not {}: {:.0f}",
                           unit == 1e3   ? "milliseconds"
                           : unit == 1e6 ? "microseconds"
                                         : "nanoseconds",
                           std::floor(seconds));
    }
    return "a time up to the year 9999";
}

std::string zone_advice(std::string_view text, std::string_view zone) {
    const auto before = text.substr(0, text.size() - zone.size());
    if (zone.empty()) {
        return fmt::format("its time zone too: \"{}Z\" for UTC, or an offset such as \"{}+02:00\"",
                           before, before);
    }
    if (zone.front() == ' ' && zone.size() > 1 && is_digit(zone[1])) {
        return "the + of its zone as %2B; in a query a bare + is a space";
    }
    return "its zone as Z or as an offset from UTC such as +02:00";
}

std::string range_advice(const DateTime& time) {
    using namespace std::chrono;
    if (time.month < 1 || time.month > 12) return "a month from 01 to 12";
    if (!time.is_day()) {
        const auto last = year_month_day_last(
            year(time.year), month_day_last(month(static_cast<unsigned>(time.month))));
        return fmt::format("a day that exists: {:04}-{:02} has {} days", time.year, time.month,
                           static_cast<unsigned>(last.day()));
    }
    if (time.hour == 24) return "00:00 of the next day instead of the hour 24";
    if (time.hour > 23) return "an hour from 00 to 23";
    if (time.minute > 59) return "a minute from 00 to 59";
    if (time.second > 59) return "seconds from 00 to 59; 60 only where a day of UTC ends";
    if (time.year < 1970) return "a time from 1970 on";
    return {};
}

struct Unit {
    std::string_view name;
    double ms;
};

constexpr std::array kUnits{
    Unit{"ms", 1},          Unit{"msec", 1},         Unit{"millis", 1},     Unit{"milliseconds", 1},
    Unit{"s", 1e3},         Unit{"sec", 1e3},        Unit{"secs", 1e3},     Unit{"second", 1e3},
    Unit{"seconds", 1e3},   Unit{"", 1e3},           Unit{"m", 60e3},       Unit{"min", 60e3},
    Unit{"mins", 60e3},     Unit{"minute", 60e3},    Unit{"minutes", 60e3}, Unit{"h", 3600e3},
    Unit{"hr", 3600e3},     Unit{"hrs", 3600e3},     Unit{"hour", 3600e3},  Unit{"hours", 3600e3},
    Unit{"d", 86400e3},     Unit{"day", 86400e3},    Unit{"days", 86400e3}, Unit{"w", 7 * 86400e3},
    Unit{"week", 604800e3}, Unit{"weeks", 604800e3},
};

std::string_view take_while(std::string_view& text, std::string_view set) {
    const auto part = text.substr(0, std::min(text.find_first_not_of(set), text.size()));
    text.remove_prefix(part.size());
    return part;
}

std::string_view take_letter(std::string_view& text) {
    const auto letter = text.substr(0, 1);
    text.remove_prefix(letter.size());
    return letter;
}

// The probable meaning of "1h30m", "1.5 hours", "90" or "PT10M", in milliseconds.
std::optional<double> meant_duration(std::string_view given) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
    const auto lowered = lower(given);
    std::string_view text = lowered;
    const bool is_iso = text.starts_with('p');
    if (is_iso) text.remove_prefix(1);
    bool is_time = !is_iso;  // In ISO 8601 an M before the T is a month, which has no length.
    double total = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        if (is_iso && text.starts_with('t')) {
            is_time = true;
            text.remove_prefix(1);
        }
        const auto number = parse_decimal(take_while(text, "0123456789."));
        take_while(text, " ");
        const auto name = is_iso ? take_letter(text) : take_while(text, kLetters);
        take_while(text, " ");
        const auto* const unit = std::ranges::find(kUnits, name, &Unit::name);
        if (!number || unit == kUnits.end()) return std::nullopt;
        if (!is_time && name != "d" && name != "w") return std::nullopt;
        total += *number * unit->ms;
    }
    return total;
}

}  // namespace

std::optional<DbTime> parse_time(std::string_view text) {
    const auto time = parse_unix(text);
    return time ? time : parse_rfc3339(text);
}

std::string time_advice(std::string_view text) {
    if (const auto number = parse_decimal(text)) return number_advice(*number);
    constexpr std::size_t kDateSize = 10;
    if (text.size() == kDateSize && is_date(text)) {
        return fmt::format("the time of the day too: \"{}T00:00:00Z\"", text);
    }
    constexpr std::size_t kShownMax = 64;
    const auto time = split(text);
    if (!time || text.size() > kShownMax) return std::string(kTimeWanted);
    auto advice = range_advice(*time);
    return advice.empty() ? zone_advice(text, time->zone) : advice;
}

std::string duration_advice(std::string_view text) {
    constexpr std::string_view kWanted = "one number and one of ms, s, m, h, d";
    constexpr double kMost = 1e15;
    const auto meant = meant_duration(text);
    if (!meant || *meant < 1 || *meant > kMost) {
        return fmt::format("{}, such as \"30s\" or \"24h\"", kWanted);
    }
    const milliseconds rounded(static_cast<std::int64_t>(std::ceil(*meant)));
    return fmt::format("{}: \"{}\"", kWanted, config::show_duration(rounded));
}

}  // namespace millrace::api::codec
