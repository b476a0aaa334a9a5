#include <fmt/format.h>

#include <algorithm>

#include "common/config/settings.h"
#include "common/config/sources.h"

namespace millrace::config {
namespace {

bool is_list_setting(const std::string& name) {
    const auto* row = find_setting(name);
    return row != nullptr && is_list(row->type);
}

void add(Reading& reading, Assignment assignment) {
    const auto earlier = std::ranges::find(reading.assignments, assignment.name, &Assignment::name);
    if (earlier == reading.assignments.end()) {
        reading.assignments.push_back(std::move(assignment));
    } else if (is_list_setting(assignment.name)) {
        earlier->text += "," + assignment.text;
    } else {
        *earlier = std::move(assignment);
    }
}

}  // namespace

Reading read_flags(std::span<const std::string> arguments) {
    Reading reading;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& argument = arguments[i];
        if (!argument.starts_with("--") || argument.size() == 2) {
            reading.problems.push_back(
                fmt::format("argument {} is not understood; settings are --NAME VALUE", argument));
            continue;
        }
        const auto equals = argument.find('=');
        const auto flag = argument.substr(0, equals);
        const auto name = flag.substr(2);
        if (equals != std::string::npos) {
            add(reading, {name, argument.substr(equals + 1), "flag " + flag});
        } else if (i + 1 < arguments.size()) {
            add(reading, {name, arguments[++i], "flag " + flag});
        } else {
            reading.problems.push_back(fmt::format("flag {} has no value", flag));
        }
    }
    return reading;
}

Reading read_assignments(std::span<const std::string> pairs) {
    Reading reading;
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0) {
            reading.problems.push_back(fmt::format("--set takes name=value, not '{}'", pair));
            continue;
        }
        const auto name = pair.substr(0, equals);
        add(reading, {name, pair.substr(equals + 1), "--set " + name});
    }
    return reading;
}

}  // namespace millrace::config
