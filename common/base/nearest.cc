#include "common/base/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace millrace {

std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before(to.size() + 1);  // The row before `above`.
    std::vector<std::size_t> above(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = above[j] + (from[i] == to[j] ? 0 : 1);
            row[j + 1] = std::min({replaced, above[j + 1] + 1, row[j] + 1});
            const bool is_swapped = i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j];
            if (is_swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
        }
    }
    return row.back();
}

std::string_view nearest_name(std::string_view given, std::span<const std::string_view> names) {
    constexpr std::size_t kNameMax = 100;
    if (given.size() > kNameMax) return {};
    std::string_view best;
    std::size_t least = std::max<std::size_t>(3, given.size() / 3);
    for (const auto name : names) {
        const auto distance = edit_distance(given, name);
        if (distance < least) {
            least = distance;
            best = name;
        }
    }
    return best;
}

}  // namespace millrace
