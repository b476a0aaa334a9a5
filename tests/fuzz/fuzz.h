// What each fuzz target defines, and how it complains.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/text.h"

namespace millrace::fuzz {

// Reads the input as the target's reader would. Anything that no input may cause ends the process.
void read(std::string_view input);

// Ends the process, and so reports the input, unless the condition holds.
inline void expect(bool condition) {
    if (!condition) __builtin_trap();
}

// Text of a model or a server may still have U+0000; worker/execute/reports.h replaces it.
inline bool is_text_of_model(std::string text) {
    std::ranges::replace(text, '\0', ' ');
    return is_storable(text);
}

// Takes one byte off the front: a choice that the input makes. 0 if there is none.
inline unsigned char take_byte(std::string_view& input) {
    if (input.empty()) return 0;
    const auto byte = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    return byte;
}

// Calls `take` with the text in pieces, whose sizes follow from the seed: readers must not care
// where bytes are cut.
template <class Take>
void in_pieces(std::string_view text, unsigned seed, const Take& take) {
    while (!text.empty()) {
        seed = seed * 1664525U + 1013904223U;
        const auto size = std::min<std::size_t>(text.size(), 1 + (seed >> 16) % 23);
        take(text.substr(0, size));
        text.remove_prefix(size);
    }
}

}  // namespace millrace::fuzz
