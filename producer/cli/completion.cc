#include "producer/cli/completion.h"

#include <fmt/format.h>

#include <CLI/Option.hpp>
#include <vector>

namespace millrace::cli {
namespace {

std::vector<std::string> option_words(const CLI::App& app) {
    std::vector<std::string> words;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) words.push_back("--" + name);
    }
    return words;
}

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
    return app.get_subcommands(
        [](const CLI::App* command) { return !command->get_name().empty(); });
}

std::string command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* command : visible_commands(app)) names.push_back(command->get_name());
    return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_script(const CLI::App& app) {
    std::string cases;
    for (const auto* command : visible_commands(app)) {
        cases += fmt::format("        {}) words=\"{}\" ;;\n", command->get_name(),
                             fmt::join(option_words(*command), " "));
    }
    return fmt::format(
        R"(_millrace() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" command="" words="" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in -*) ;; *) command="$word"; break ;; esac
    done
    case "$command" in
        "") words="{} {}" ;;
{}    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ "$current" != -* && -n "$command" ]] && COMPREPLY+=($(compgen -f -- "$current"))
}}
complete -F _millrace millrace
)",
        command_names(app), fmt::join(option_words(app), " "), cases);
}

std::string fish_script(const CLI::App& app) {
    std::string script = "complete -c millrace -f\n";
    for (const auto* command : visible_commands(app)) {
        script += fmt::format("complete -c millrace -n __fish_use_subcommand -a {} -d '{}'\n",
                              command->get_name(), command->get_description());
        for (const auto* option : command->get_options()) {
            for (const auto& name : option->get_lnames()) {
                script +=
                    fmt::format("complete -c millrace -n '__fish_seen_subcommand_from {}' -l {}\n",
                                command->get_name(), name);
            }
        }
    }
    return script;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& app, const std::string& shell) {
    if (shell == "bash") return bash_script(app);
    if (shell == "zsh") {
        return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(app);
    }
    if (shell == "fish") return fish_script(app);
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no completion for '{}'; use bash, zsh or fish", shell)};
}

}  // namespace millrace::cli
