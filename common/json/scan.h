// Helpers that the readers of JSON text share.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

namespace millrace::json_text {

inline bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// The first position from `at` on that is not space, or the end of the text.
inline std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

// The position after the string that begins at `at`, found by its quotes alone; the end of the text
// if the string does not end. For texts that nobody has checked.
inline std::size_t rough_string_end(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '"') return at + 1;
        if (text[at] == '\\') ++at;
    }
    return text.size();
}

inline bool is_ascii(char c) {
    return static_cast<unsigned char>(c) < 0x80;
}

// Whether the character is ASCII that stands for itself inside a string.
inline bool is_plain(char c) {
    return is_ascii(c) && c >= ' ' && c != '"' && c != '\\';
}

// How many plain characters the text begins with. Most of a model's input is such text, so eight
// are looked at at a time ("Bit Twiddling Hacks", Sean Anderson: determine if a word has a byte
// less than n).
inline std::size_t plain_length(std::string_view text) {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    constexpr std::uint64_t kHigh = kEach * 0x80;
    // Whether a byte is below n. The bytes themselves must be ASCII.
    const auto has_less = [](std::uint64_t word, std::uint64_t n) {
        return ((word - kEach * n) & ~word & kHigh) != 0;
    };
    std::size_t at = 0;
    for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        if ((word & kHigh) != 0 || has_less(word, ' ') || has_less(word ^ (kEach * '"'), 1) ||
            has_less(word ^ (kEach * '\\'), 1)) {
            break;
        }
    }
    while (at < text.size() && is_plain(text[at])) ++at;
    return at;
}

inline constexpr std::size_t kUnicodeEscapeBytes = 6;  // \uXXXX

// The UTF-16 code unit of the \uXXXX at the beginning; nothing if there is none.
inline std::optional<unsigned> code_unit(std::string_view text) {
    if (text.size() < kUnicodeEscapeBytes || !text.starts_with("\\u")) return std::nullopt;
    unsigned unit = 0;
    const auto* end = text.data() + kUnicodeEscapeBytes;
    const auto parsed = std::from_chars(text.data() + 2, end, unit, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return unit;
}

// The two halves of a pair that stands for a character past U+FFFF.
inline bool is_high_surrogate(unsigned unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

inline bool is_low_surrogate(unsigned unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

}  // namespace millrace::json_text
