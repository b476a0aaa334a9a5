#include "common/config/settings.h"

#include <algorithm>
#include <numeric>

namespace millrace::config {
namespace {

// Levenshtein's: insertions, deletions and replacements from one to the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

const SettingInfo* find_setting(std::string_view name) {
    const auto found = std::ranges::find(kSettings, name, &SettingInfo::name);
    return found == kSettings.end() ? nullptr : &*found;
}

std::string_view nearest_setting(std::string_view name) {
    constexpr std::size_t kNameMax = 100;  // Longer ones are no typing mistakes.
    if (name.size() > kNameMax) return {};
    std::string_view best;
    std::size_t least = std::max<std::size_t>(3, name.size() / 3);
    for (const auto& row : kSettings) {
        // `port` alone means some `….port`; the distance would prefer any short name.
        const auto last = row.name.substr(row.name.rfind('.') + 1);
        const auto distance = last == name ? 1 : edit_distance(name, row.name);
        if (distance < least) {
            least = distance;
            best = row.name;
        }
    }
    return best;
}

std::string_view program_name(Program program) {
    return program == Program::kGateway ? "millrace-gateway" : "millrace-worker";
}

}  // namespace millrace::config
