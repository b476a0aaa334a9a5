// Text that can be stored, sent and shown: UTF-8 (RFC 3629) without U+0000, which PostgreSQL cannot
// hold. All text from models, servers and programs passes through here on its way in. U+0000 and
// bytes that are not UTF-8 (including halves of surrogate pairs and overlong forms) become U+FFFD.
// Such text from a client is refused instead, with its place (producer/api).
//
// JSON may keep an escaped U+0000: see common/json/mend.h.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// The length in bytes (1 to 4) of the character at the beginning; 0 if there is no valid one.
// Requires: not empty.
std::size_t utf8_sequence(std::string_view text);
// If there is no valid character at the beginning: the number of bytes that one U+FFFD replaces, 1
// to 3.
std::size_t broken_sequence(std::string_view text);

bool is_storable(std::string_view text);

// Returns the text itself if it is storable; otherwise with U+FFFD in place of what is not.
std::string storable(std::string text);

// For ASCII only, whatever the locale is.
bool is_digit(char c);
std::string lower(std::string_view text);

// Strips the blanks (spaces, tabs, line ends) from both ends.
std::string_view trimmed(std::string_view text);

// Strips the byte order mark that Windows editors put at the beginning.
std::string_view without_byte_order_mark(std::string_view text);

// Turns "[::1]", the form of an IPv6 address in a URL, into "::1"; returns any other host as it is.
std::string_view without_brackets(std::string_view host);

// The first bytes of the text, at most `bytes_max`, without cutting a character.
std::string_view beginning(std::string_view text, std::size_t bytes_max);

// Moves the whole characters at the front of `bytes` to the end of `text`. What stays behind is the
// start of a character (at most three bytes). Bytes that cannot belong to a character become
// U+FFFD.
void take_whole_characters(std::string& bytes, std::string& text);

}  // namespace millrace
