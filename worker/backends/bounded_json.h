// Parses JSON that a client, a model server or a program sent. nlohmann copies, compares and writes
// a value by recursion, so that one that is nested deeply enough would end the process.
//
// Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "common/json/mend.h"

namespace millrace::backends {

// Answers nested deeper are rejected: readers could not parse them either.
inline constexpr int kAnswerDepthMax = 200;

// Whether the brackets outside strings are nested deeper, in text that need not be JSON.
bool is_nested_deeper(std::string_view text, int depth_max);

// Discarded if the text is not JSON, or is nested deeper than kAnswerDepthMax.
nlohmann::json parse_bounded(std::string_view text);

// The same, and keeps the order of members. For that, nlohmann compares each member's name with all
// before it, so an object of more than kOrderedMembersMax is discarded too.
inline constexpr std::size_t kOrderedMembersMax = 1'000;
nlohmann::ordered_json parse_ordered(std::string_view text);

// Mends the text first, which also bounds its depth. Null if it cannot be mended.
nlohmann::json parse_mended(std::string_view text, json_text::NotANumber not_a_number);

}  // namespace millrace::backends
