#include "producer/cli/parser.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>
#include <algorithm>

#include "common/base/nearest.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/help.h"
#include "producer/cli/marks.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

// The index of the command among the words, or their number if there is none.
std::size_t command_index(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--url") {
            ++i;
        } else if (!words[i].starts_with('-')) {
            return i;
        }
    }
    return words.size();
}

const CLI::App* find_command(const CLI::App& app, std::string_view name) {
    for (const auto* command : app.get_subcommands({})) {
        if (command->get_name() == name) return command;
    }
    return nullptr;
}

std::string hint_of(std::string_view given, const std::vector<std::string>& names) {
    const std::vector<std::string_view> known(names.begin(), names.end());
    const auto nearest = nearest_name(given, known);
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

std::vector<std::string> option_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const auto* app : {&command, command.get_parent()}) {
        if (app == nullptr) continue;
        for (const auto* option : app->get_options()) {
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
        }
    }
    return names;
}

int usage(const std::string& message, std::string_view command) {
    return fail({ErrorCode::kInvalidArgument,
                 fmt::format("{}{} `millrace {}--help` shows more.", message,
                             message.ends_with('?') ? "" : ".",
                             command.empty() ? "" : fmt::format("{} ", command))});
}

// The message for words that the parser could not place.
std::string unexpected(const CLI::App& command, const std::vector<std::string>& rest) {
    const auto word = rest.empty() ? std::string() : unmarked(rest.front());
    if (!word.starts_with('-') || word == "-") {
        return fmt::format("'{}' is one word too many", printable(word));
    }
    const auto name = word.substr(0, word.find('='));
    const auto hint = hint_of(name, option_names(command));
    const bool takes_words = std::ranges::any_of(
        command.get_options(), [](const CLI::Option* option) { return option->get_positional(); });
    return fmt::format("{} is not an option of `{}`{}{}", printable(name), command.get_name(), hint,
                       hint.empty() && takes_words
                           ? ". Put words that begin with - last, after a separate --"
                           : "");
}

// Replaces the parser's messages for the most common mistakes.
std::string plain(const CLI::ParseError& error) {
    std::string message = error.what();
    while (message.ends_with('.') || message.ends_with('\n')) message.pop_back();
    if (const auto at = message.find(": At Most 1 required"); at != std::string::npos) {
        return message.substr(0, at) + " is given twice";
    }
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch) &&
        message.find("flag override") != std::string::npos) {
        const auto name = message.substr(0, message.find(' '));
        return fmt::format("{}{} takes no value", name.size() > 1 ? "--" : "-", name);
    }
    return message == "A subcommand is required" ? "give a command" : message;
}

int explain(const Program& program, const CLI::App& command, const CLI::ParseError& error) {
    const std::string name = &command == &program.app ? "" : command.get_name();
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
        auto rest = command.remaining();
        if (rest.empty()) rest = program.app.remaining();
        return usage(unexpected(command, rest), name);
    }
    return usage(plain(error), name);
}

int no_command(const Program& program, std::string_view word) {
    std::vector<std::string> names;
    for (const auto* command : program.app.get_subcommands({})) {
        names.push_back(command->get_name());
    }
    return usage(fmt::format("'{}' is not a command{}", printable(word), hint_of(word, names)), "");
}

// Finds a command's option that stands before the command; empty if there is none.
std::string misplaced_option(const Program& program, std::span<const std::string> before) {
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] == "--url") {
            ++i;
            continue;
        }
        auto name = before[i].substr(0, before[i].find('='));
        const auto& ours = program.app.get_options();
        const bool is_ours = std::ranges::any_of(
            ours, [&](const CLI::Option* option) { return option->check_name(name); });
        if (!is_ours) return name;
    }
    return {};
}

// Finds an option such as "--queue=", which would take the next word as its value.
const std::string* find_without_value(const std::vector<std::string>& words) {
    for (const auto& word : words) {
        if (word == "--") return nullptr;
        if (word.starts_with("--") && word.ends_with('=') && word.find('=') + 1 == word.size()) {
            return &word;
        }
    }
    return nullptr;
}

int parse_and_run(Program& program, const CLI::App& command, std::vector<std::string> words) {
    try {
        std::ranges::reverse(words);
        program.app.parse(words);
    } catch (const CLI::CallForVersion&) {
        return print_out(fmt::format("{}\n", MILLRACE_VERSION)) ? kOk : kFailure;
    } catch (const CLI::CallForHelp&) {
        return run_help(program, &command == &program.app ? "" : command.get_name());
    } catch (const CLI::ParseError& error) {
        return explain(program, command, error);
    }
    return program.run();
}

}  // namespace

Program::Program()
    : app("Millrace: a durable queue for long-running generation jobs.", "millrace") {
    app.formatter(std::make_shared<HelpFormatter>());
    app.require_subcommand(1);
    app.set_version_flag("--version", MILLRACE_VERSION, "Print the version");
    app.fallthrough();  // Also accepts --url, --json and --version after the command.
    Arguments arguments(*this, app);
    arguments.text("--url", global.url, "Use this gateway; default: http://127.0.0.1:8080")
        ->envname("MILLRACE_URL");
    arguments.flag("--json", global.json, "Print JSON for programs, one value per line");
    app.footer(
        "`millrace COMMAND --help` shows a command's options and examples.\n"
        "Exit codes: 0 done, 1 the job did not complete, 2 wrong usage, 3 no such job,\n"
        "4 the gateway is not reachable, 5 the wait timed out, 130 interrupted.");
}

CLI::App& Program::command(const std::string& name, const std::string& help,
                           const std::string& examples, Run action) {
    auto* command = app.add_subcommand(name, help);
    command->callback([this, action = std::move(action)] { run = action; });
    command->footer(help_footer(examples));
    return *command;
}

int run_help(const Program& program, const std::string& command) {
    const auto* found = command.empty() ? &program.app : find_command(program.app, command);
    if (found == nullptr) return no_command(program, command);
    // App::help() would show the help of the parsed command, which is `help` itself.
    const auto text =
        found->get_formatter()->make_help(found, found->get_name(), CLI::AppFormatMode::Normal);
    return print_out(text) ? kOk : kFailure;
}

int run_arguments(Program& program, std::vector<std::string> words) {
    const auto at = command_index(words);
    if (const auto* word = find_without_value(words); word != nullptr) {
        return usage(fmt::format("{} has no value", printable(*word)), "");
    }
    if (at == words.size()) {
        if (!words.empty()) return parse_and_run(program, program.app, std::move(words));
        fmt::print(stderr, "{}", program.app.help());
        return kUsage;
    }
    if (const auto option = misplaced_option(program, std::span(words).first(at));
        !option.empty()) {
        return usage(fmt::format("{} comes before the command; put a command's options after it",
                                 printable(option)),
                     "");
    }
    const auto* command = find_command(program.app, words[at]);
    if (command == nullptr) return no_command(program, words[at]);
    for (auto i = at + 1; i < words.size(); ++i) {
        if (needs_mark(words[i])) words[i].insert(words[i].begin(), kMark);
    }
    return parse_and_run(program, *command, std::move(words));
}

}  // namespace millrace::cli
