#include "common/config/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/config/sources.h"
#include "common/config/value.h"

namespace millrace::config {
namespace {

std::string_view type_name(Type type) {
    switch (type) {
        case Type::kString:
        case Type::kConninfo:
            return "string";
        case Type::kSecret:
            return "secret";
        case Type::kInt:
            return "integer";
        case Type::kDouble:
            return "number";
        case Type::kBool:
            return "true or false";
        case Type::kDuration:
            return "duration";
        case Type::kBytes:
            return "size";
        case Type::kList:
            return "list";
        case Type::kSecretList:
            return "secret list";
        case Type::kDevices:
            return "list of devices";
    }
    CHECK(false);
}

std::string_view programs_name(Programs programs) {
    if (programs == Programs::kGateway) return "gateway";
    return programs == Programs::kWorker ? "worker" : "both";
}

std::string_view section(std::string_view name) {
    return name.substr(0, name.find('.'));
}

// "0..65535" → "0 to 65535"; "text|json" → "text or json", because a bar would end a table cell.
std::string bounds_text(std::string_view bounds) {
    std::string text;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        if (bounds.substr(i).starts_with("..")) {
            text += " to ";
            ++i;
        } else if (bounds[i] == '|') {
            text += " or ";
        } else {
            text += bounds[i];
        }
    }
    return text;
}

std::string code(std::string_view text) {
    return text.empty() ? std::string() : fmt::format("`{}`", text);
}

constexpr std::string_view kIntroduction = R"(# Configuration

Generated from `common/config/settings.inc` by `make docs`; a test checks that it is up to date.

A setting has one name everywhere. Its value comes from these places; each overrides the one before:

1. the default;
2. the YAML file given with `--config FILE`, keys nested or dotted: `gateway: {port: 8080}` is
   `gateway.port: 8080`; both programs may share one file;
3. the environment: `gateway.port` is `MILLRACE_GATEWAY_PORT`;
4. flags: `--gateway.port 8080` or `--gateway.port=8080`.

Unknown names and bad values are refused at the start, with the place where they are set, what is
allowed and the nearest name. `--check-config` only checks, prints the effective values without
secrets and exits with 0 or 2.

A duration is a whole number and a unit (`ms`, `s`, `m`, `h`, `d`), a size a whole number and a unit
(`B`, `KiB`, `MiB`, `GiB`), a list a YAML sequence or texts separated by commas (`\,` is a comma
within a text); a list's flag may be repeated.
)";

}  // namespace

std::string help_text(Program program) {
    std::string out = fmt::format(
        "Usage: {0} [--config FILE] [--NAME VALUE]...\n\n"
        "  --config FILE      read settings from a YAML file\n"
        "  --check-config     check the settings, print them and exit\n"
        "  --help, --version\n\n"
        "Settings (also from the environment: MILLRACE_NAME, dots as underscores):\n",
        program_name(program));
    for (const auto& row : kSettings) {
        if (!is_used_by(row, program)) continue;
        out += fmt::format("\n  --{}  {}\n      {}", row.name, type_name(row.type), row.help);
        if (!row.default_text.empty()) out += fmt::format(" Default: {}.", row.default_text);
        if (!row.bounds.empty()) out += fmt::format(" Allowed: {}.", bounds_text(row.bounds));
        out += '\n';
    }
    return out;
}

std::string effective_values(Program program, const Config& config) {
    std::string out;
    for (const auto& row : kSettings) {
        if (!is_used_by(row, program)) continue;
        out += fmt::format("{} = {}  # {}\n", row.name, show_value(row, config.value(row.setting)),
                           config.origin(row.setting));
    }
    return out;
}

std::string configuration_markdown() {
    std::vector<std::pair<std::string_view, std::string>> sections;
    for (const auto& row : kSettings) {
        auto found =
            std::ranges::find(sections, section(row.name), &decltype(sections)::value_type::first);
        if (found == sections.end()) {
            found = sections.insert(found, {section(row.name), ""});
        }
        found->second += fmt::format(
            "| `{}` | {} | {} | {} | {} | {} |\n", row.name, type_name(row.type),
            code(row.default_text), bounds_text(row.bounds), programs_name(row.programs), row.help);
    }
    std::string out(kIntroduction);
    for (const auto& [name, rows] : sections) {
        out += fmt::format(
            "\n## {}\n\n| Setting | Type | Default | Allowed | Program | What it does |\n"
            "| --- | --- | --- | --- | --- | --- |\n{}",
            name, rows);
    }
    return out;
}

}  // namespace millrace::config
