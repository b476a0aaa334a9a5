#include "common/json/json_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/json/json_syntax.h"
#include "common/json/scan.h"

namespace millrace::json_text {
namespace {

// Returns the position after the string that begins at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
    ++at;
    for (auto quote = text.find('"', at);;) {
        const auto escape = text.substr(0, quote).find('\\', at);
        if (escape == std::string_view::npos) return quote + 1;
        at = escape + 2;
        if (at > quote) quote = text.find('"', at);
    }
}

bool opens(char c) {
    return c == '{' || c == '[';
}

bool closes(char c) {
    return c == '}' || c == ']';
}

// Returns the position after the array or object that begins at `at`.
std::size_t container_end(std::string_view text, std::size_t at) {
    int open = 0;
    do {
        if (text[at] == '"') {
            at = string_end(text, at);
            continue;
        }
        if (opens(text[at])) ++open;
        if (closes(text[at])) --open;
        ++at;
    } while (open > 0);
    return at;
}

unsigned point_of(unsigned high, unsigned low) {
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

void append_utf8(std::string& out, unsigned point) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | point >> 6);
        tail(0);
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | point >> 12);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xF0 | point >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

// Appends what the escape at `at` stands for; returns the position after it.
std::size_t append_escape(std::string& out, std::string_view text, std::size_t at) {
    constexpr std::string_view kNames = "bfnrt";
    constexpr std::string_view kCharacters = "\b\f\n\r\t";
    const char c = text[at + 1];
    if (c != 'u') {
        const auto named = kNames.find(c);
        out += named == std::string_view::npos ? c : kCharacters[named];
        return at + 2;
    }
    const auto unit = code_unit(text.substr(at)).value_or(0);
    at += kUnicodeEscapeBytes;
    const auto next = is_high_surrogate(unit) ? code_unit(text.substr(at)).value_or(0) : 0;
    const bool is_pair = is_low_surrogate(next);
    append_utf8(out, is_pair ? point_of(unit, next) : unit);
    return is_pair ? at + kUnicodeEscapeBytes : at;
}

// Decodes a string literal, quotes included.
std::string decode_string(std::string_view literal) {
    const auto inner = literal.substr(1, literal.size() - 2);
    std::string out;
    out.reserve(inner.size());
    std::size_t at = 0;
    while (at < inner.size()) {
        const auto plain = std::min(inner.find('\\', at), inner.size());
        out += inner.substr(at, plain - at);
        at = plain < inner.size() ? append_escape(out, inner, plain) : plain;
    }
    return out;
}

// The surrogate that the three bytes at `at` encode; 0 if they encode none.
unsigned surrogate_at(std::string_view text, std::size_t at) {
    if (text.size() < at + 3 || text[at] != '\xED') return 0;
    const auto tail = [&](std::size_t i) {
        return static_cast<unsigned char>(text[at + i]) & 0x3FU;
    };
    const auto unit = 0xD000U | tail(1) << 6 | tail(2);
    return is_high_surrogate(unit) || is_low_surrogate(unit) ? unit : 0;
}

void quote_special(std::string& json, std::string_view& rest) {
    constexpr std::string_view kCharacters = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    const char c = rest.front();
    std::size_t size = 1;
    if (const auto named = kCharacters.find(c); named != std::string_view::npos) {
        json += '\\';
        json += kNames[named];
    } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(json), "\\u{:04x}", static_cast<int>(c));
    } else if (size = utf8_sequence(rest); size > 0) {
        json += rest.substr(0, size);
    } else {
        json += kReplacementCharacter;
        size = surrogate_at(rest, 0) != 0 ? 3 : broken_sequence(rest);
    }
    rest.remove_prefix(size);
}

}  // namespace

std::string_view phrase(JsonKind kind) {
    constexpr std::array<std::string_view, 6> kPhrases{"null",     "a boolean", "a number",
                                                       "a string", "an array",  "an object"};
    return kPhrases.at(static_cast<std::size_t>(kind));
}

JsonView::JsonView(std::string_view text, const JsonOutline* outline)
    : text_(trimmed(text)), outline_(outline) {
    CHECK(!text_.empty());
}

std::size_t JsonView::value_end(std::size_t at) const {
    if (text_[at] == '"') return string_end(text_, at);
    if (opens(text_[at])) {
        const auto* begin = text_.data() + at;
        const auto* end = outline_ == nullptr ? nullptr : outline_->end_of(begin);
        return end == nullptr ? container_end(text_, at)
                              : static_cast<std::size_t>(end - text_.data());
    }
    while (at < text_.size() && text_[at] != ',' && !closes(text_[at]) && !is_space(text_[at])) {
        ++at;
    }
    return at;
}

JsonKind JsonView::kind() const {
    switch (text_.front()) {
        case '{':
            return JsonKind::kObject;
        case '[':
            return JsonKind::kArray;
        case '"':
            return JsonKind::kString;
        case 'n':
            return JsonKind::kNull;
        case 't':
        case 'f':
            return JsonKind::kBoolean;
        default:
            return JsonKind::kNumber;
    }
}

void JsonView::each_item(const std::function<void(const JsonView&)>& take) const {
    CHECK(kind() == JsonKind::kArray);
    for (auto at = skip_space(text_, 1); text_[at] != ']';) {
        const auto end = value_end(at);
        take(JsonView(text_.substr(at, end - at), outline_));
        at = skip_space(text_, end);
        if (text_[at] == ',') at = skip_space(text_, at + 1);
    }
}

void JsonView::each_member(const std::function<bool(JsonMember)>& take) const {
    CHECK(kind() == JsonKind::kObject);
    for (auto at = skip_space(text_, 1); text_[at] != '}';) {
        const auto name_end = string_end(text_, at);
        const auto quoted_name = text_.substr(at, name_end - at);
        const auto value_at = skip_space(text_, text_.find(':', name_end) + 1);
        const auto end = value_end(value_at);
        if (!take({decode_string(quoted_name), quoted_name,
                   JsonView(text_.substr(value_at, end - value_at), outline_)})) {
            return;
        }
        at = skip_space(text_, end);
        if (text_[at] == ',') at = skip_space(text_, at + 1);
    }
}

std::size_t JsonView::size() const {
    std::size_t size = 0;
    const auto count = [&size](const auto&) { return ++size > 0; };
    kind() == JsonKind::kArray ? each_item(count) : each_member(count);
    return size;
}

std::vector<JsonMember> JsonView::members(std::size_t most) const {
    std::vector<JsonMember> members;
    each_member([&](JsonMember member) {
        members.push_back(std::move(member));
        return members.size() < most;
    });
    return members;
}

std::vector<JsonView> JsonView::items() const {
    std::vector<JsonView> items;
    each_item([&items](const JsonView& item) { items.push_back(item); });
    return items;
}

std::optional<JsonView> JsonView::first_item() const {
    CHECK(kind() == JsonKind::kArray);
    const auto at = skip_space(text_, 1);
    if (text_[at] == ']') return std::nullopt;
    return JsonView(text_.substr(at, value_end(at) - at), outline_);
}

std::string JsonView::string() const {
    CHECK(kind() == JsonKind::kString);
    return decode_string(text_);
}

std::optional<std::int64_t> JsonView::integer() const {
    CHECK(kind() == JsonKind::kNumber);
    std::int64_t value = 0;
    const auto* end = text_.data() + text_.size();
    const auto result = std::from_chars(text_.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return value;
}

const JsonView* find(const std::vector<JsonMember>& members, std::string_view name) {
    const auto found = std::find_if(members.rbegin(), members.rend(),
                                    [&](const JsonMember& member) { return member.name == name; });
    return found == members.rend() ? nullptr : &found->value;
}

void join_text(std::string& text, std::string_view piece) {
    const auto high = text.size() < 3 ? 0 : surrogate_at(text, text.size() - 3);
    const auto low = surrogate_at(piece, 0);
    if (is_high_surrogate(high) && is_low_surrogate(low)) {
        text.resize(text.size() - 3);
        append_utf8(text, point_of(high, low));
        piece.remove_prefix(3);
    }
    text += piece;
}

void replace_halves(std::string& text) {
    for (auto at = text.find('\xED'); at != std::string::npos; at = text.find('\xED', at + 1)) {
        if (surrogate_at(text, at) != 0) text.replace(at, 3, kReplacementCharacter);
    }
}

void quote(std::string& json, std::string_view text) {
    json += '"';
    while (!text.empty()) {
        const auto plain = plain_length(text);
        json += text.substr(0, plain);
        text.remove_prefix(plain);
        if (!text.empty()) quote_special(json, text);
    }
    json += '"';
}

}  // namespace millrace::json_text
