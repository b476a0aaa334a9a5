#include "common/config/config.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/config/rules.h"
#include "common/config/sources.h"
#include "common/config/value.h"

namespace millrace::config {
namespace {

enum class Strictness { kOwnSettings, kAnySetting };

std::string unknown(const Assignment& given) {
    const auto nearest = nearest_setting(given.name);
    return fmt::format("{} is not a setting{} (from {})", given.name,
                       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest),
                       given.origin);
}

void apply(Program program, Strictness strictness, const Reading& reading, Config& config,
           std::vector<std::string>& problems) {
    problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
    for (const auto& given : reading.assignments) {
        const auto* row = find_setting(given.name);
        if (row == nullptr) {
            problems.push_back(unknown(given));
            continue;
        }
        if (!is_used_by(*row, program) && strictness == Strictness::kOwnSettings) {
            problems.push_back(fmt::format("{} is not a setting of {} (from {})", row->name,
                                           program_name(program), given.origin));
            continue;
        }
        auto value = parse_value(*row, given.text);
        if (value.has_value()) {
            config.set(row->setting, *std::move(value), given.origin);
        } else {
            problems.push_back(fmt::format("{} = {} is {} (from {})", row->name, given.text,
                                           value.error().message, given.origin));
        }
    }
}

}  // namespace

Config::Config() {
    for (const auto& row : kSettings) {
        auto value = parse_value(row, row.default_text);
        CHECK(value.has_value());
        set(row.setting, *std::move(value), "default");
    }
}

void Config::set(Setting setting, Value value, std::string origin) {
    values_[static_cast<std::size_t>(setting)] = std::move(value);
    origins_[static_cast<std::size_t>(setting)] = std::move(origin);
}

Result<Config> load(Program program, const Sources& sources) {
    Config config;
    std::vector<std::string> problems;
    if (!sources.file.empty()) {
        apply(program, Strictness::kAnySetting, read_yaml_file(sources.file), config, problems);
    }
    apply(program, Strictness::kAnySetting, read_environment(sources.environment), config,
          problems);
    apply(program, Strictness::kOwnSettings, read_flags(sources.flags), config, problems);
    apply(program, Strictness::kAnySetting, read_assignments(sources.assignments), config,
          problems);
    // Checking rules on refused values would only repeat the problem.
    if (problems.empty()) problems = broken_rules(program, config);
    if (problems.empty()) return config;
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(problems, "\n"))};
}

}  // namespace millrace::config
