// Text that can be stored, sent and shown: UTF-8 (RFC 3629) without U+0000, which PostgreSQL cannot
// hold. Whatever a model, a server or a program says goes through here on its way in: bytes that
// are no UTF-8 (halves of surrogate pairs and overlong forms too), and U+0000, become U+FFFD. What
// a client sends is refused instead, with the place (producer/api).
//
// JSON may keep U+0000 where it is escaped: common/json/mend.h.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// The bytes of the character at the beginning, 1 to 4; 0 where there is none. Requires: not empty.
std::size_t utf8_sequence(std::string_view text);
// Where there is none: how many bytes one U+FFFD stands for, 1 to 3.
std::size_t broken_sequence(std::string_view text);

bool is_storable(std::string_view text);

// The text itself where it is storable.
std::string storable(std::string text);

// Without the blanks (spaces, tabs, line ends) around it.
std::string_view trimmed(std::string_view text);

// Without the byte order mark that editors of Windows put before it.
std::string_view without_byte_order_mark(std::string_view text);

// "::1" of "[::1]", as an address of IPv6 stands in a URL; any other as it is.
std::string_view without_brackets(std::string_view host);

// Its first bytes, not ending within a character.
std::string_view beginning(std::string_view text, std::size_t bytes_max);

// Moves the whole characters at the front of `bytes` to the end of `text`; what stays is the start
// of one (at most three bytes). Bytes that can be part of no character become U+FFFD.
void take_whole_characters(std::string& bytes, std::string& text);

}  // namespace millrace
