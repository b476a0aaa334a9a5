// Order statistics of measurements. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace millrace::bench {

// Returns the value below which the part `q` of the others lies; 0 if there are no values.
// Requires: 0 <= q <= 1.
inline double quantile(std::vector<double> values, double q) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

// Returns the median: of an even number of values the upper middle one; 0 if there are none.
inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace millrace::bench
