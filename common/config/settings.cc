#include "common/config/settings.h"

#include <algorithm>

#include "common/base/nearest.h"

namespace millrace::config {

const SettingInfo* find_setting(std::string_view name) {
    const auto found = std::ranges::find(kSettings, name, &SettingInfo::name);
    return found == kSettings.end() ? nullptr : &*found;
}

std::string_view nearest_setting(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto& row : kSettings) {
        // `bootstrap` means kafka.bootstrap; by edit distance it would match any short name.
        if (row.name.ends_with(name) && row.name.size() > name.size() + 1 &&
            row.name[row.name.size() - name.size() - 1] == '.') {
            return row.name;
        }
        names.push_back(row.name);
    }
    return nearest_name(name, names);
}

std::string_view program_name(Program program) {
    return program == Program::kGateway ? "millrace-gateway" : "millrace-worker";
}

}  // namespace millrace::config
