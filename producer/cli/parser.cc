#include "producer/cli/parser.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <charconv>
#include <limits>

#include "common/base/nearest.h"
#include "common/base/text.h"
#include "common/config/value.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/help.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

// The parser takes "[a,b]" apart, drops "++" and reads "{}" as nothing. Such a word is marked while
// it passes through; no argument of a terminal begins with this byte.
constexpr char kMark = '\x01';

bool needs_mark(std::string_view word) {
    return word == "++" || word.starts_with('[') || word.starts_with('{') || word.starts_with('%');
}

std::string unmarked(const std::string& value) {
    return value.starts_with(kMark) ? value.substr(1) : value;
}

std::string display_name(const std::string& names) {
    return names.substr(0, names.find(','));
}

[[noreturn]] void refuse(const std::string& names, const std::string& reason) {
    throw CLI::ValidationError(display_name(names), reason);
}

void require_text(const std::string& names, const std::string& value) {
    if (value.empty()) refuse(names, "the value is empty");
    if (!is_utf8(value)) refuse(names, "the value is not UTF-8 text");
}

// The one place where ids are read.
std::string id_of(const std::string& name, const std::string& value) {
    const auto id = trimmed(without_byte_order_mark(value));
    require_text(name, std::string(id));
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    if (std::ranges::any_of(id, is_control)) {
        refuse(name, fmt::format("'{}' has a line end or another control character; each id is a "
                                 "word of its own",
                                 printable(id)));
    }
    return std::string(id);
}

std::string one_of(const std::string& names, const std::string& value,
                   const std::vector<std::string>& choices) {
    if (std::ranges::find(choices, value) != choices.end()) return value;
    const std::vector<std::string_view> known(choices.begin(), choices.end());
    const auto nearest = nearest_name(value, known);
    refuse(names, fmt::format("'{}' is none of {}{}", printable(value), fmt::join(choices, ", "),
                              nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

// Where the command stands among the words; their number where there is none.
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
                 fmt::format("{}{} `millrace {}--help` says more.", message,
                             message.ends_with('?') ? "" : ".",
                             command.empty() ? "" : fmt::format("{} ", command))});
}

// Of words that the parser had no place for.
std::string unexpected(const CLI::App& command, const std::vector<std::string>& rest) {
    const auto word = rest.empty() ? std::string() : unmarked(rest.front());
    if (!word.starts_with('-') || word == "-") {
        return fmt::format("'{}' is one word too many", printable(word));
    }
    const auto name = word.substr(0, word.find('='));
    const auto hint = hint_of(name, option_names(command));
    const bool takes_words = std::ranges::any_of(
        command.get_options(), [](const CLI::Option* option) { return option->get_positional(); });
    return fmt::format(
        "{} is no option of `{}`{}{}", printable(name), command.get_name(), hint,
        hint.empty() && takes_words ? ". Words that begin with - come last, after a -- alone" : "");
}

// The parser's words for what people do most.
std::string plain(const CLI::ParseError& error) {
    std::string message = error.what();
    while (message.ends_with('.') || message.ends_with('\n')) message.pop_back();
    if (const auto at = message.find(": At Most 1 required"); at != std::string::npos) {
        return message.substr(0, at) + " is given twice";
    }
    return message == "A subcommand is required" ? "say which command" : message;
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
    return usage(fmt::format("'{}' is no command{}", printable(word), hint_of(word, names)), "");
}

// "--queue=" would take the next word as its value.
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
    app.fallthrough();  // --url, --json and --version are understood after the command, too.
    Arguments arguments(*this, app);
    arguments.text("--url", global.url, "The gateway; default: http://127.0.0.1:8080")
        ->envname("MILLRACE_URL");
    arguments.flag("--json", global.json, "JSON for machines, one value a line");
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

CLI::Option* Arguments::add(const std::string& names, const std::string& help, const Take& take) {
    const CLI::callback_t callback = [take](const CLI::results_t& results) {
        for (const auto& result : results) take(unmarked(result));
        return true;
    };
    auto* option = command_.add_option(names, callback, help)->type_name("TEXT");
    program_.hints[option] = {};
    return option;
}

CLI::Option* Arguments::text(const std::string& names, std::string& into, const std::string& help) {
    return add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        into = value;
    });
}

CLI::Option* Arguments::path(const std::string& names, std::string& into, const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (value.empty()) refuse(names, "the value is empty");
        into = value;
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kFile};
    return option->type_name("FILE");
}

CLI::Option* Arguments::directory(const std::string& names, std::string& into,
                                  const std::string& help) {
    auto* option = path(names, into, help);
    program_.hints[option] = {.kind = ValueHint::Kind::kDirectory};
    return option->type_name("DIR");
}

CLI::Option* Arguments::paths(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (value.empty()) refuse(names, "the value is empty");
        into.push_back(value);
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kFile};
    return option->take_all()->type_name("FILE");
}

CLI::Option* Arguments::texts(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        into.push_back(value);
    });
    return option->take_all();
}

CLI::Option* Arguments::choice(const std::string& names, std::string& into, const std::string& help,
                               std::vector<std::string> choices) {
    auto* option = add(names, help, [names, &into, choices](const std::string& value) {
        into = one_of(names, value, choices);
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kChoices, .choices = std::move(choices)};
    return option;
}

CLI::Option* Arguments::choices(const std::string& names, std::vector<std::string>& into,
                                const std::string& help, std::vector<std::string> choices) {
    auto* option = add(names, help, [names, &into, choices](const std::string& value) {
        for (std::size_t at = 0; at <= value.size();) {
            const auto end = std::min(value.find(',', at), value.size());
            into.push_back(one_of(names, value.substr(at, end - at), choices));
            at = end + 1;
        }
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kChoices, .choices = std::move(choices)};
    return option->take_all();
}

CLI::Option* Arguments::pairs(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        const auto equals = value.find('=');
        if (equals == std::string::npos || equals == 0) {
            refuse(names, fmt::format("'{}' is not key=value", printable(value)));
        }
        const auto key = value.substr(0, equals + 1);
        if (std::ranges::any_of(into, [&](const auto& pair) { return pair.starts_with(key); })) {
            refuse(names, fmt::format("'{}' is given twice", printable(value.substr(0, equals))));
        }
        into.push_back(value);
    });
    return option->take_all()->type_name("KEY=VALUE");
}

CLI::Option* Arguments::count(const std::string& names, std::optional<int>& into,
                              const std::string& help) {
    return number(names, into, 1, std::numeric_limits<int>::max(), help);
}

CLI::Option* Arguments::number(const std::string& names, std::optional<int>& into, int least,
                               int most, const std::string& help) {
    auto* option = add(names, help, [names, &into, least, most](const std::string& value) {
        int number = 0;
        const auto* end = value.data() + value.size();
        const auto result = std::from_chars(value.data(), end, number);
        if (result.ec != std::errc() || result.ptr != end || number < least || number > most) {
            refuse(names,
                   fmt::format("'{}' is no number from {} to {}", printable(value), least, most));
        }
        into = number;
    });
    return option->type_name("N");
}

CLI::Option* Arguments::duration(const std::string& names, std::string& into,
                                 const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (!parse_wait(value)) {
            refuse(names, fmt::format("'{}' is no duration; write seconds (90) or a number and one "
                                      "of ms, s, m, h, d (10m)",
                                      printable(value)));
        }
        into = value.find_first_not_of("0123456789") == std::string::npos ? value + "s" : value;
    });
    return option->type_name("TIME");
}

CLI::Option* Arguments::flag(const std::string& names, bool& into, const std::string& help) {
    return command_.add_flag(names, into, help);
}

CLI::Option* Arguments::words(const std::string& name, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(name, help, [name, &into](const std::string& value) {
        if (!is_utf8(value)) refuse(name, "it is not UTF-8 text");
        into.push_back(value);
    });
    option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args()->take_all();
    return option->type_name("");
}

CLI::Option* Arguments::id(const std::string& name, std::string& into, const std::string& help) {
    return add(name, help, [name, &into](const std::string& value) { into = id_of(name, value); })
        ->required()
        ->type_name("");
}

CLI::Option* Arguments::ids(const std::string& name, std::vector<std::string>& into,
                            const std::string& help) {
    auto* option = add(name, help, [name, &into](const std::string& value) {
        into.push_back(id_of(name, value));
    });
    option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args()->take_all();
    return option->type_name("");
}

std::optional<std::chrono::milliseconds> parse_wait(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789";
    const bool is_bare = !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
    const auto duration = config::parse_duration(is_bare ? fmt::format("{}s", text) : text);
    if (!duration.has_value()) return std::nullopt;
    return *duration;
}

int run_help(const Program& program, const std::string& command) {
    const auto* found = command.empty() ? &program.app : find_command(program.app, command);
    if (found == nullptr) return no_command(program, command);
    // App::help() would show that of the command that was parsed: of `help` itself.
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
    const auto* command = find_command(program.app, words[at]);
    if (command == nullptr) return no_command(program, words[at]);
    for (auto i = at + 1; i < words.size(); ++i) {
        if (needs_mark(words[i])) words[i].insert(words[i].begin(), kMark);
    }
    return parse_and_run(program, *command, std::move(words));
}

}  // namespace millrace::cli
