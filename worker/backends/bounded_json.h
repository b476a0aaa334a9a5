// Parses JSON that a model server or a program sent. nlohmann copies, compares and writes a value
// by recursion, so that one that is nested deeply enough would end the process.
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
template <class Json = nlohmann::json>
Json parse_bounded(std::string_view text) {
    if (is_nested_deeper(text, kAnswerDepthMax)) return Json(Json::value_t::discarded);
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}
// Compiled once: the parser costs each module that instantiates it two seconds.
extern template nlohmann::json parse_bounded<nlohmann::json>(std::string_view text);

// Mends the text first, which also bounds its depth. Null if it cannot be mended.
nlohmann::json parse_mended(std::string_view text, json_text::NotANumber not_a_number);

}  // namespace millrace::backends
