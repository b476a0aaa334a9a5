#include "producer/api/header_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "producer/api/json_syntax.h"

namespace millrace::api {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
    return out;
}

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text, int base = 10) {
    Integer value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool is_storable_text(std::string_view text) {
    while (!text.empty()) {
        const auto size = utf8_sequence(text);
        if (size == 0 || text.front() == '\0') return false;
        text.remove_prefix(size);
    }
    return true;
}

// The elements of a list in a header field, trimmed; commas inside double quotes do not count.
std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> elements;
    bool quoted = false;
    std::size_t first = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] == '"') quoted = !quoted;
        if (i < text.size() && (quoted || text[i] != ',')) continue;
        elements.push_back(trim(text.substr(first, i - first)));
        first = i + 1;
    }
    return elements;
}

// Digits only: a field of a date of exactly that many.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) return std::nullopt;
    const auto field = text.substr(at, count);
    if (!std::ranges::all_of(field, [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;
    }
    return parse_integer<int>(field);
}

// Of "Z", "+01:00" or "-01:00".
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
    if (text == "Z" || text == "z") return std::chrono::minutes(0);
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
        return std::nullopt;
    }
    const auto hours = digits(text, 1, 2);
    const auto minutes = digits(text, 4, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return text[0] == '-' ? -offset : offset;
}

// Takes ".123" off the text's front: microseconds.
std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
    if (!text.starts_with('.')) return std::chrono::microseconds(0);
    std::size_t end = 1;
    std::int64_t micros = 0;
    for (std::int64_t unit = 100000; end < text.size() && text[end] >= '0' && text[end] <= '9';
         ++end, unit /= 10) {
        micros += unit * (text[end] - '0');
    }
    if (end == 1) return std::nullopt;
    text.remove_prefix(end);
    return std::chrono::microseconds(micros);
}

std::optional<storage::DbTime> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    const auto y = digits(text, 0, 4);
    const auto mo = digits(text, 5, 2);
    const auto d = digits(text, 8, 2);
    const auto h = digits(text, 11, 2);
    const auto mi = digits(text, 14, 2);
    const auto s = digits(text, 17, 2);
    if (!y || !mo || !d || !h || !mi || !s) return std::nullopt;
    if (text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
        std::string_view("Tt ").find(text[10]) == std::string_view::npos) {
        return std::nullopt;
    }
    const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)),
                              day(static_cast<unsigned>(*d))};
    if (!date.ok() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
    auto rest = text.substr(19);
    const auto fraction = take_fraction(rest);
    if (!fraction) return std::nullopt;
    const auto offset = parse_offset(rest);
    if (!offset) return std::nullopt;
    return storage::DbTime(sys_days(date)) + hours(*h) + minutes(*mi) + seconds(*s) + *fraction -
           *offset;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const auto byte = text.size() - i < 3 || text[i + 1] == '-'
                              ? std::nullopt
                              : parse_integer<int>(text.substr(i + 1, 2), 16);
        if (!byte) return std::nullopt;
        out += static_cast<char>(*byte);
        i += 2;
    }
    if (!is_storable_text(out)) return std::nullopt;
    return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parameters;
    while (!query.empty()) {
        const auto piece = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(piece.size() + 1, query.size()));
        if (piece.empty()) continue;
        const auto equals = std::min(piece.find('='), piece.size());
        auto name = percent_decode(piece.substr(0, equals), true);
        auto value = percent_decode(piece.substr(std::min(equals + 1, piece.size())), true);
        if (!name || !value) return std::nullopt;
        parameters.emplace_back(*std::move(name), *std::move(value));
    }
    return parameters;
}

std::optional<std::chrono::seconds> prefer_wait(std::string_view prefer) {
    for (const auto preference : split_list(prefer)) {
        const auto pair = preference.substr(0, preference.find(';'));
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || lower(trim(pair.substr(0, equals))) != "wait") {
            continue;
        }
        auto value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        const auto seconds = parse_integer<std::uint32_t>(value);
        if (seconds) return std::chrono::seconds(*seconds);
    }
    return std::nullopt;
}

bool is_json_media_type(std::string_view content_type) {
    const auto type = lower(trim(content_type.substr(0, content_type.find(';'))));
    return type == "application/json" ||
           (type.ends_with("+json") && type.find('/') != std::string::npos);
}

std::optional<std::string> parse_idempotency_key(std::string_view field, std::size_t size_max) {
    auto key = trim(field);
    if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
        key = key.substr(1, key.size() - 2);
    }
    const bool visible = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7F; });
    if (key.empty() || key.size() > size_max || !visible) return std::nullopt;
    return std::string(key);
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
    const auto strong = [](std::string_view tag) {
        return tag.starts_with("W/") ? tag.substr(2) : tag;
    };
    return std::ranges::any_of(split_list(if_none_match), [&](std::string_view tag) {
        return tag == "*" || (!tag.empty() && strong(tag) == strong(etag));
    });
}

std::optional<storage::DbTime> parse_time(std::string_view text) {
    if (const auto seconds = parse_integer<std::int64_t>(text)) {
        constexpr std::int64_t kSecondsMax = 253402300799;  // The end of the year 9999.
        if (*seconds < 0 || *seconds > kSecondsMax) return std::nullopt;
        return storage::DbTime(std::chrono::seconds(*seconds));
    }
    return parse_rfc3339(text);
}

std::string http_date(std::chrono::sys_seconds time) {
    using namespace std::chrono;
    constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto date = floor<days>(time);
    const year_month_day ymd(date);
    const hh_mm_ss clock(time - date);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                       kDays.at(weekday(date).c_encoding()), static_cast<unsigned>(ymd.day()),
                       kMonths.at(static_cast<unsigned>(ymd.month()) - 1),
                       static_cast<int>(ymd.year()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

}  // namespace millrace::api
