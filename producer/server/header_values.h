// Parsers for header fields and query strings as clients write them.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace millrace::server {

// Removes blanks and tabs at both ends.
std::string_view trim(std::string_view text);

// The choices of an Accept-like field ("gzip;q=0.5, *;q=0") in order: names in small letters, each
// with its weight from 0 (not wanted) to 1.
std::vector<std::pair<std::string, double>> qualities(std::string_view field);

// Decodes %XX, and `+` as a blank if requested. Returns nothing if a % is not followed by two
// hexadecimal digits, or if the result contains U+0000 or is not valid UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

// The parameters of a query string in order. Returns nothing if one cannot be decoded.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// The wait=N of a Prefer field (RFC 7240) in seconds, possibly with a fraction. Unknown preferences
// are ignored, as the RFC requires.
std::optional<milliseconds> prefer_wait(std::string_view prefer);

// Whether a media type is JSON: application/json, text/json or any type that ends in +json.
bool is_json_media_type(std::string_view content_type);
// Whether a tool sends this type when it does not know what the body is:
// application/x-www-form-urlencoded (curl's -d, wget), text/plain (fetch),
// application/octet-stream, or no type.
bool is_default_media_type(std::string_view content_type);

// The key, quoted (as in the IETF draft) or bare: 1 to `size_max` visible ASCII characters.
std::optional<std::string> parse_idempotency_key(std::string_view field, std::size_t size_max);

// Whether the text names a host, perhaps with a port: "host", "127.0.0.1:8080", "[::1]".
bool is_host(std::string_view text);

// Whether an If-None-Match field contains the tag; the comparison is weak (RFC 9110, section
// 13.1.2).
bool etag_matches(std::string_view if_none_match, std::string_view etag);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
std::string http_date(std::chrono::sys_seconds time);

}  // namespace millrace::server
