#include "common/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace millrace {
namespace {

// What the first byte of a character implies (RFC 3629, section 4): the number of bytes, and the
// range of the second, which rules out overlong forms, surrogates and code points past U+10FFFF.
struct Lead {
    std::size_t length = 0;  // 0: no character starts like this.
    std::uint8_t second_min = 0x80;
    std::uint8_t second_max = 0xBF;
};

constexpr Lead lead_of(int byte) {
    if (byte < 0x80) return {1};
    if (byte >= 0xC2 && byte <= 0xDF) return {2};
    if (byte == 0xE0) return {3, 0xA0, 0xBF};
    if (byte == 0xED) return {3, 0x80, 0x9F};
    if (byte >= 0xE1 && byte <= 0xEF) return {3};
    if (byte == 0xF0) return {4, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return {4};
    if (byte == 0xF4) return {4, 0x80, 0x8F};
    return {};
}

constexpr auto kLeads = [] {
    std::array<Lead, 256> leads{};
    for (int byte = 0; byte < 256; ++byte) leads[static_cast<std::size_t>(byte)] = lead_of(byte);
    return leads;
}();

struct Start {
    std::size_t length = 0;  // Of the character; 0: the bytes are not one.
    std::size_t have = 1;    // Bytes of it that are present, or that are replaced together.
};

Start start_of(std::string_view text) {
    const auto& lead = kLeads[static_cast<std::uint8_t>(text.front())];
    std::size_t have = 1;
    for (; have < lead.length && have < text.size(); ++have) {
        const auto next = static_cast<std::uint8_t>(text[have]);
        const auto min = have == 1 ? lead.second_min : std::uint8_t{0x80};
        const auto max = have == 1 ? lead.second_max : std::uint8_t{0xBF};
        if (next < min || next > max) return {0, have};
    }
    return {lead.length, have};
}

// The length of the ASCII text without NUL at the beginning, in steps of eight bytes.
std::size_t plain_words(std::string_view text) {
    constexpr std::uint64_t kHigh = 0x8080808080808080;
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    std::size_t at = 0;
    for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        // Among bytes below 0x80, only 0 borrows from its own high bit.
        if (((word | (word - kOnes)) & kHigh) != 0) break;
    }
    return at;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
    const auto start = start_of(text);
    return start.have == start.length ? start.length : 0;
}

std::size_t broken_sequence(std::string_view text) {
    return start_of(text).have;
}

bool is_storable(std::string_view text) {
    while (true) {
        text.remove_prefix(plain_words(text));
        if (text.empty()) return true;
        // Text that is not ASCII usually has more such characters close by.
        for (int i = 0; i < 16 && !text.empty(); ++i) {
            const auto size = utf8_sequence(text);
            if (size == 0 || text.front() == '\0') return false;
            text.remove_prefix(size);
        }
    }
}

std::string storable(std::string text) {
    if (is_storable(text)) return text;
    std::string whole;
    whole.reserve(text.size());
    take_whole_characters(text, whole);
    if (!text.empty()) whole += kReplacementCharacter;
    auto end = whole.find('\0');
    if (end == std::string::npos) return whole;
    std::string without;
    without.reserve(whole.size() + kReplacementCharacter.size());
    std::size_t at = 0;
    for (; end != std::string::npos; end = whole.find('\0', at)) {
        without.append(whole, at, end - at);
        without += kReplacementCharacter;
        at = end + 1;
    }
    return without.append(whole, at);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string low(text);
    for (char& c : low) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return low;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return text;
}

std::string_view without_brackets(std::string_view host) {
    const bool has_them = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    return has_them ? host.substr(1, host.size() - 2) : host;
}

std::string_view beginning(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    const auto is_continuation = [&](std::size_t at) {
        return (static_cast<std::uint8_t>(text[at]) & 0xC0U) == 0x80U;
    };
    while (bytes_max > 0 && is_continuation(bytes_max)) --bytes_max;
    return text.substr(0, bytes_max);
}

void take_whole_characters(std::string& bytes, std::string& text) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto rest = std::string_view(bytes).substr(at);
        const auto start = start_of(rest);
        if (start.have < start.length) break;
        text.append(start.length == 0 ? kReplacementCharacter : rest.substr(0, start.have));
        at += start.have;
    }
    bytes.erase(0, at);
}

}  // namespace millrace
