#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/settings.h"
#include "common/config/sources.h"

namespace millrace::config {
namespace {

constexpr std::string_view kPrefix = "MILLRACE_";

// Variables of the command line, the build and the tests; the programs that these start inherit
// them.
constexpr std::array<std::string_view, 7> kOthers{
    "MILLRACE_BIN",   "MILLRACE_SOURCE", "MILLRACE_PY",  "MILLRACE_URL",
    "MILLRACE_CACHE", "MILLRACE_TEST",   "MILLRACE_DEMO"};

bool is_other(std::string_view variable) {
    return std::ranges::any_of(kOthers, [&](std::string_view other) {
        return variable == other || (variable.starts_with(other) && variable[other.size()] == '_');
    });
}

const SettingInfo* find_variable(std::string_view variable) {
    const auto found = std::ranges::find_if(
        kSettings, [&](const SettingInfo& row) { return variable_name(row.name) == variable; });
    return found == kSettings.end() ? nullptr : &*found;
}

// Guesses the name in the table's spelling: underscores may stand for dots.
std::string_view nearest_by_variable(std::string_view variable) {
    auto guess = lower(variable.substr(kPrefix.size()));
    if (const auto first = guess.find('_'); first != std::string::npos) guess[first] = '.';
    return nearest_setting(guess);
}

}  // namespace

std::string variable_name(std::string_view setting) {
    std::string variable(kPrefix);
    for (const char c : setting) {
        variable += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return variable;
}

Reading read_environment(std::span<const std::string> variables) {
    Reading reading;
    for (const auto& variable : variables) {
        const auto equals = variable.find('=');
        if (!variable.starts_with(kPrefix) || equals == std::string::npos) continue;
        const auto name = variable.substr(0, equals);
        if (is_other(name)) continue;
        if (const auto* row = find_variable(name)) {
            reading.assignments.push_back(
                {std::string(row->name), variable.substr(equals + 1), "variable " + name});
            continue;
        }
        const auto nearest = nearest_by_variable(name);
        reading.problems.push_back(fmt::format(
            "variable {} is not a setting{}", name,
            nearest.empty() ? "" : fmt::format("; did you mean {}?", variable_name(nearest))));
    }
    return reading;
}

}  // namespace millrace::config
