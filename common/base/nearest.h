// "Did you mean …?": the valid name that a mistyped one resembles most.
//
// Pure.
#pragma once

#include <span>
#include <string_view>

namespace millrace {

// Insertions, deletions, replacements and swaps of neighbours from one to the other.
std::size_t edit_distance(std::string_view from, std::string_view to);

// Empty where none is near: a third of the letters differ, or it is too long for a slip.
std::string_view nearest_name(std::string_view given, std::span<const std::string_view> names);

}  // namespace millrace
