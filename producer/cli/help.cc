#include "producer/cli/help.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <sstream>

#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr std::size_t kNames = 26;  // The width of the options' names.

// Formats an entry: "  --names   a description that continues below itself"
std::string entry(const std::string& names, const std::string& description) {
    const auto width = std::max<std::size_t>(terminal_width(), 40);
    std::string text = "  " + names;
    std::size_t column = text.size();
    if (column + 1 >= kNames) {
        text += "\n" + std::string(kNames, ' ');
    } else {
        text += std::string(kNames - column, ' ');
    }
    column = kNames;
    std::istringstream words(description);
    for (std::string word; words >> word;) {
        const auto size = columns(word);
        if (column > kNames && column + 1 + size > width) {
            text += "\n" + std::string(kNames, ' ');
            column = kNames;
        }
        if (column > kNames) {
            text += ' ';
            ++column;
        }
        text += word;
        column += size;
    }
    return text + "\n";
}

}  // namespace

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
    if (app->get_parent() != nullptr) name = "millrace " + name;
    return CLI::Formatter::make_usage(app, std::move(name));
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
    auto names = is_positional ? option->get_name(true, false) : option->get_name(false, true);
    if (option->get_items_expected_max() > 0 && !option->get_type_name().empty()) {
        names += " " + option->get_type_name();
    }
    auto description = option->get_description();
    if (!option->get_envname().empty()) description += fmt::format(" ({})", option->get_envname());
    if (!option->get_default_str().empty() && option->get_items_expected_max() > 0) {
        description += fmt::format(" (default: {})", option->get_default_str());
    }
    return entry(names, description);
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
    return entry(command->get_name(), command->get_description());
}

std::string help_footer(const std::string& examples) {
    std::string text = "Everywhere:\n" + entry("--url TEXT", "The gateway (MILLRACE_URL)") +
                       entry("--json", "Print JSON for programs, one value per line") +
                       entry("--version", "Print the version");
    if (!examples.empty()) {
        text += "\nExamples:\n";
        std::istringstream lines(examples);
        for (std::string line; std::getline(lines, line);) text += "  " + line + "\n";
    }
    text.pop_back();
    return text;
}

}  // namespace millrace::cli
