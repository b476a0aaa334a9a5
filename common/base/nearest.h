// "Did you mean …?": finds the valid name that is closest to a mistyped one.
//
// Pure.
#pragma once

#include <span>
#include <string_view>

namespace millrace {

// The least number of insertions, deletions, replacements and swaps of neighbours that turn one
// into the other.
std::size_t edit_distance(std::string_view from, std::string_view to);

// Returns the name with the fewest edits. Empty if the best one needs 3 edits or more and also a
// third of the letters given or more, or if `given` is too long for a typing slip.
std::string_view nearest_name(std::string_view given, std::span<const std::string_view> names);

}  // namespace millrace
