// Values of header fields and query strings, as clients write them.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace millrace::api {

// Without blanks and tabs around it; with ASCII's capitals made small.
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);

// The choices of an Accept-like field ("gzip;q=0.5, *;q=0") in order: names in small letters, and
// what each is worth, from 0 (not wanted) to 1.
std::vector<std::pair<std::string, double>> qualities(std::string_view field);

// %XX decoded, and `+` as a blank where asked. Nothing where a % is not followed by two
// hexadecimal digits, or the result is not valid UTF-8 without U+0000.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

// The parameters of a query string in order; nothing where one cannot be decoded.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// The wait=N of a Prefer field (RFC 7240): seconds, also with a fraction. Preferences that are not
// understood are ignored, as the RFC asks.
std::optional<milliseconds> prefer_wait(std::string_view prefer);

// Whether a media type is JSON: application/json, text/json or any type that ends in +json.
bool is_json_media_type(std::string_view content_type);
// Whether it is what a tool says of a body of which it knows nothing: curl's -d and wget's
// application/x-www-form-urlencoded, fetch's text/plain, application/octet-stream, or no type.
bool is_default_media_type(std::string_view content_type);

// The key, quoted (as the IETF draft has it) or bare: 1 to `size_max` visible ASCII characters.
std::optional<std::string> parse_idempotency_key(std::string_view field, std::size_t size_max);

// Whether an If-None-Match field names the tag, compared weakly (RFC 9110, section 13.1.2).
bool etag_matches(std::string_view if_none_match, std::string_view etag);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
std::string http_date(std::chrono::sys_seconds time);

}  // namespace millrace::api
