#include "producer/cli/completion_model.h"

#include <CLI/Option.hpp>

namespace millrace::cli {
namespace {

constexpr auto kChoices = ValueHint::Kind::kChoices;

ValueHint hint_of(const Program& program, const CLI::Option* option) {
    const auto found = program.hints.find(option);
    return found != program.hints.end() ? found->second : ValueHint{};
}

void add_options(const Program& program, const CLI::App& app, CommandWords& command) {
    for (const auto* option : app.get_options()) {
        if (option->get_positional()) {
            command.positional = hint_of(program, option);
            continue;
        }
        OptionWords words{.help = option->get_description()};
        for (const auto& name : option->get_lnames()) words.names.push_back("--" + name);
        for (const auto& name : option->get_snames()) words.names.push_back("-" + name);
        words.takes_value = option->get_items_expected_max() > 0;
        words.repeats = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
        if (words.takes_value) words.hint = hint_of(program, option);
        command.options.push_back(std::move(words));
    }
}

}  // namespace

std::vector<CommandWords> command_words(const Program& program) {
    std::vector<CommandWords> commands(1);
    add_options(program, program.app, commands.front());
    std::vector<std::string> names;
    for (const auto* app : program.app.get_subcommands({})) {
        CommandWords command{.name = app->get_name(), .help = app->get_description()};
        add_options(program, *app, command);
        for (const auto& option : commands.front().options) {
            if (option.names.front() != "--help") command.options.push_back(option);
        }
        names.push_back(command.name);
        commands.push_back(std::move(command));
    }
    commands.front().positional = {.kind = kChoices, .choices = names};
    for (auto& command : commands) {
        if (command.name == "help") command.positional = commands.front().positional;
    }
    return commands;
}

}  // namespace millrace::cli
