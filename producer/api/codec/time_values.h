// Parses times and durations as clients write them, and gives advice about invalid ones.
//
// Nothing is guessed: a time without a zone or a duration without a unit is refused, but the advice
// says how to write it.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/storage/records.h"

namespace millrace::api::codec {

// Takes Unix seconds ("1760000000", "1760000000.5") or RFC 3339: "2025-11-21T10:00:00Z",
// "2025-11-21T10:00:00.5+01:00". The seconds and the colon in the zone are optional. The range is
// 1970 to the year 9999; fractions are cut off at microseconds.
std::optional<storage::DbTime> parse_time(std::string_view text);

// Advice that continues a sentence after "send": "a time with its zone: …". Requires: parse_time()
// refuses the text.
std::string time_advice(std::string_view text);

// The same for text that is not a duration ("1h30m", "PT10M", "90", "1.5h"): "one number and one of
// ms, s, m, h, d: "90m"", or examples if the meaning is unclear.
std::string duration_advice(std::string_view text);

}  // namespace millrace::api::codec
