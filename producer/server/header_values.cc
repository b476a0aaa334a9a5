#include "producer/server/header_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "common/base/text.h"
#include "common/json/json_syntax.h"

namespace millrace::server {
namespace {

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

// The elements of a list in a header field, trimmed. Commas inside double quotes do not separate.
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

// "0.5", "1", "0.000"; 0 (not wanted) if it cannot be parsed.
double quality_of(std::string_view text) {
    double value = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    return result.ec == std::errc() && result.ptr == end && value > 0 && value <= 1 ? value : 0;
}

// "10", "1.5". A larger number than anybody would wait for becomes kSecondsMax.
std::optional<milliseconds> parse_seconds(std::string_view text) {
    constexpr double kSecondsMax = std::numeric_limits<std::uint32_t>::max();
    double seconds = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
    if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
    if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
    return milliseconds(static_cast<std::int64_t>(std::min(seconds, kSecondsMax) * 1000));
}

}  // namespace

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::pair<std::string, double>> qualities(std::string_view field) {
    std::vector<std::pair<std::string, double>> choices;
    for (const auto element : split_list(field)) {
        auto name = lower(trim(element.substr(0, element.find(';'))));
        if (name.empty()) continue;
        double quality = 1;
        for (auto at = element.find(';'); at != std::string_view::npos;) {
            const auto end = element.find(';', at + 1);
            const auto parameter = lower(trim(element.substr(at + 1, end - at - 1)));
            if (parameter.starts_with("q=")) {
                quality = quality_of(std::string_view(parameter).substr(2));
            }
            at = end;
        }
        choices.emplace_back(std::move(name), quality);
    }
    return choices;
}

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

std::optional<milliseconds> prefer_wait(std::string_view prefer) {
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
        if (const auto wait = parse_seconds(value)) return wait;
    }
    return std::nullopt;
}

bool is_json_media_type(std::string_view content_type) {
    const auto type = lower(trim(content_type.substr(0, content_type.find(';'))));
    return type == "application/json" || type == "text/json" ||
           (type.ends_with("+json") && type.find('/') != std::string::npos);
}

bool is_default_media_type(std::string_view content_type) {
    const auto type = lower(trim(content_type.substr(0, content_type.find(';'))));
    return type.empty() || type == "application/x-www-form-urlencoded" || type == "text/plain" ||
           type == "application/octet-stream";
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

// RFC 3986, section 3.2, without the user, which HTTP forbids (RFC 9110, section 4.2.4).
bool is_host(std::string_view text) {
    const auto is_of = [](std::string_view part, std::string_view marks) {
        return std::ranges::all_of(part, [&](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                   marks.find(c) != std::string_view::npos;
        });
    };
    const bool is_literal = text.starts_with('[');
    const auto bracket = is_literal ? text.find(']') : 0;
    if (bracket == std::string_view::npos) return false;
    const auto colon = std::min(text.find(':', bracket), text.size());
    const auto name = text.substr(0, colon);
    if (is_literal) {
        if (name.size() != bracket + 1) return false;
        if (name.size() == 2 || !is_of(name.substr(1, bracket - 1), ":.%-_~")) return false;
    } else if (name.empty() || !is_of(name, "-._~%!$&'()*+,;=")) {
        return false;
    }
    return std::ranges::all_of(text.substr(std::min(colon + 1, text.size())), is_digit);
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
    const auto strong = [](std::string_view tag) {
        return tag.starts_with("W/") ? tag.substr(2) : tag;
    };
    return std::ranges::any_of(split_list(if_none_match), [&](std::string_view tag) {
        return tag == "*" || (!tag.empty() && strong(tag) == strong(etag));
    });
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

}  // namespace millrace::server
