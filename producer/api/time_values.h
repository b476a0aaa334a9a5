// Times and durations as clients write them; and for text that is none, what to write instead.
//
// Nothing is guessed: a time without a zone or a duration without a unit is refused, but the advice
// says what the same would be in our words.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/storage/records.h"

namespace millrace::api {

// Unix seconds ("1760000000", "1760000000.5"), or RFC 3339: "2025-11-21T10:00:00Z",
// "2025-11-21T10:00:00.5+01:00". Seconds may be left out, and the colon of the zone. From 1970 to
// the year 9999; fractions are cut off at microseconds.
std::optional<storage::DbTime> parse_time(std::string_view text);

// Requires: parse_time refuses the text. Goes on from "send": "a time with its zone: …".
std::string time_advice(std::string_view text);

// The same of text that is no duration ("1h30m", "PT10M", "90", "1.5h"): "one number and one of ms,
// s, m, h, d: "90m"", or examples where nobody can say what is meant.
std::string duration_advice(std::string_view text);

}  // namespace millrace::api
