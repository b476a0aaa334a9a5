#include "producer/cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Option.hpp>
#include <vector>

#include "producer/cli/completion_model.h"

namespace millrace::cli {
namespace {

using Kind = ValueHint::Kind;

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

// The bash code that offers a value; empty: nothing.
std::string bash_values(const ValueHint& hint) {
    switch (hint.kind) {
        case Kind::kFile:
        case Kind::kDirectory:
            return "_millrace_files \"$current\"; return";
        case Kind::kChoices:
            return fmt::format("_millrace_choices \"$current\" \"{}\"; return",
                               joined(hint.choices));
        case Kind::kNone:
            break;
    }
    return "return";
}

constexpr std::string_view kBashHead = R"(_millrace_files() {
    local path="${1//\\/}"
    path="${path#[\'\"]}"
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$path")
}
_millrace_choices() {
    local before=""
    case "$1" in *,*) before="${1%,*}," ;; esac
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$2" -- "${1##*,}")
}
_millrace() {
    local current="${COMP_WORDS[COMP_CWORD]}" option="${COMP_WORDS[COMP_CWORD-1]}"
    local command="" skip="" words="" word
    COMPREPLY=()
    # The shell cuts --name=value at its =.
    if [ "$current" = "=" ]; then
        current=""
    elif [ "$option" = "=" ]; then
        option="${COMP_WORDS[COMP_CWORD-2]}"
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [ -n "$skip" ] && [ "$word" = "=" ]; then continue; fi
        if [ -n "$skip" ]; then skip=""; continue; fi
        case "$word" in
            --) [ -n "$command" ] && return ;;
            --url) skip=1 ;;
            -*) ;;
            *) [ -n "$command" ] || command="$word" ;;
        esac
    done
)";

std::string bash_script(const std::vector<CommandWords>& commands) {
    std::string values;
    std::string cases;
    std::vector<std::string> names;
    for (const auto& command : commands) {
        std::vector<std::string> words;
        for (const auto& option : command.options) {
            words.insert(words.end(), option.names.begin(), option.names.end());
            if (!option.takes_value) continue;
            std::vector<std::string> patterns;
            for (const auto& name : option.names) {
                patterns.push_back(fmt::format("\"{} {}\"", command.name, name));
            }
            values += fmt::format("        {}) {} ;;\n", fmt::join(patterns, "|"),
                                  bash_values(option.hint));
        }
        if (!command.name.empty()) names.push_back(command.name);
        cases += fmt::format("        \"{}\") words=\"{}\" ;;\n", command.name, joined(words));
    }
    std::string positionals;
    for (const auto& command : commands) {
        if (command.positional.kind == Kind::kNone) continue;
        positionals +=
            fmt::format("        \"{}\") {} ;;\n", command.name, bash_values(command.positional));
    }
    return fmt::format(
        "{}    case \"$command $option\" in\n{}    esac\n"
        "    case \"$command\" in\n{}    esac\n"
        "    case \"$current\" in\n"
        "        -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\"); return ;;\n"
        "    esac\n"
        "    case \"$command\" in\n{}    esac\n"
        "}}\ncomplete -F _millrace millrace\n",
        kBashHead, values, cases, positionals);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
    return text;
}

// Quotes the text with single quotes, and escapes what zsh's _arguments reads as syntax.
std::string zsh_quoted(std::string text) {
    for (const auto* syntax : {"\\", "[", "]", ":"}) {
        text = replaced(std::move(text), syntax, std::string("\\") + syntax);
    }
    return replaced(std::move(text), "'", "'\\''");
}

std::string zsh_values(const ValueHint& hint, bool repeats) {
    switch (hint.kind) {
        case Kind::kFile:
            return ":file:_files";
        case Kind::kDirectory:
            return ":directory:_files -/";
        case Kind::kChoices:
            return repeats ? fmt::format(":value:_values -s , value {}", joined(hint.choices))
                           : fmt::format(":value:({})", joined(hint.choices));
        case Kind::kNone:
            break;
    }
    return ":value: ";
}

std::string zsh_option(const OptionWords& option) {
    std::string text;
    for (const auto& name : option.names) {
        const bool is_long = name.starts_with("--");
        text += fmt::format(" \\\n                '{}{}{}[{}]{}'", option.repeats ? "*" : "", name,
                            !option.takes_value ? ""
                            : is_long           ? "="
                                                : "+",
                            zsh_quoted(option.help),
                            option.takes_value ? zsh_values(option.hint, option.repeats) : "");
    }
    return text;
}

std::string zsh_script(const std::vector<CommandWords>& commands) {
    std::string globals;
    std::string names;
    std::string cases;
    for (const auto& command : commands) {
        std::string options;
        for (const auto& option : command.options) options += zsh_option(option);
        if (command.name.empty()) {
            globals = options;
            continue;
        }
        names += fmt::format("            '{}:{}'\n", command.name, zsh_quoted(command.help));
        cases +=
            fmt::format("            {})\n                _arguments{}", command.name, options);
        // A rest that is only a message would keep zsh from inserting an option.
        const auto rest = command.positional.kind == Kind::kNone
                              ? ": :()"
                              : zsh_values(command.positional, false);
        cases += fmt::format(" \\\n                '*{}' ;;\n", rest);
    }
    return fmt::format(R"(#compdef millrace
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit -u }}
_millrace() {{
    local context state state_descr line curcontext="$curcontext"
    local -a commands
    typeset -A opt_args
    _arguments -C{} \
                '1: :->command' '*:: :->words'
    case $state in
        command)
            commands=(
{}            )
            _describe command commands ;;
        words)
            case $words[1] in
{}            esac ;;
    esac
}}
if [ "$funcstack[1]" = "_millrace" ]; then
    _millrace
else
    compdef _millrace millrace
fi
)",
                       globals, names, cases);
}

std::string fish_quoted(std::string text) {
    text = replaced(std::move(text), "\\", "\\\\");
    return "'" + replaced(std::move(text), "'", "\\'") + "'";
}

std::string fish_values(const ValueHint& hint) {
    switch (hint.kind) {
        case Kind::kFile:
            return " -r -F";
        case Kind::kDirectory:
            return " -x -a '(__fish_complete_directories)'";
        case Kind::kChoices:
            return " -x -a " + fish_quoted(joined(hint.choices));
        case Kind::kNone:
            break;
    }
    return " -x";
}

constexpr std::string_view kFishHead = R"(function __millrace_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --url
                set -e words[1]
            case '-*'
            case '*'
                echo $words[1]
                return 0
        end
        set -e words[1]
    end
    return 1
end
function __millrace_in
    contains -- $argv[1] (__millrace_command)
end
function __millrace_no_command
    not __millrace_command >/dev/null
end
complete -c millrace -e
complete -c millrace -f
)";

std::string fish_script(const std::vector<CommandWords>& commands) {
    std::string script(kFishHead);
    for (const auto& command : commands) {
        const auto condition = command.name.empty()
                                   ? std::string("__millrace_no_command")
                                   : fmt::format("'__millrace_in {}'", command.name);
        if (!command.name.empty()) {
            script += fmt::format("complete -c millrace -n __millrace_no_command -a {} -d {}\n",
                                  command.name, fish_quoted(command.help));
        }
        for (const auto& option : command.options) {
            script += fmt::format("complete -c millrace -n {}", condition);
            for (const auto& name : option.names) {
                script +=
                    name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (option.takes_value) script += fish_values(option.hint);
            script += fmt::format(" -d {}\n", fish_quoted(option.help));
        }
        if (command.positional.kind == Kind::kChoices) {
            script += fmt::format("complete -c millrace -n {} -a {}\n", condition,
                                  fish_quoted(joined(command.positional.choices)));
        }
    }
    return script;
}

}  // namespace

std::string completion_script(const Program& program, const std::string& shell) {
    const auto commands = command_words(program);
    if (shell == "bash") return bash_script(commands);
    return shell == "zsh" ? zsh_script(commands) : fish_script(commands);
}

}  // namespace millrace::cli
