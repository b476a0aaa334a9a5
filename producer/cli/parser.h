// The building blocks of the commands' arguments: kinds of options, each with its checks, on CLI11.
//
// An argument is used or refused, never ignored. Errors are: a value that is empty or not UTF-8, an
// unknown word, and an option without a value after its "=". A word is never split or expanded.
//
// Threads: one caller at a time.
// Errors:  a wrong value throws CLI::ParseError while the arguments are parsed; run_arguments()
//          catches it.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "producer/cli/commands.h"

namespace millrace::cli {

using Run = std::function<int()>;

// What a shell may offer for a value.
struct ValueHint {
    enum class Kind { kNone, kFile, kDirectory, kChoices };
    Kind kind = Kind::kNone;
    std::vector<std::string> choices;
};

// The parser and its commands. The commands' actions keep alive the options that the parser fills.
struct Program {
    Program();

    CLI::App app;
    GlobalOptions global;
    Run run;  // Runs the parsed command.
    std::map<const CLI::Option*, ValueHint> hints;

    // `examples`: commands, one per line, shown below the options.
    CLI::App& command(const std::string& name, const std::string& help, const std::string& examples,
                      Run action);
};

// Adds arguments to one command. `names` has CLI11's form: "--queue,-q", or a bare name for words.
class Arguments {
 public:
    Arguments(Program& program, CLI::App& command) : program_(program), command_(command) {}

    CLI::Option* text(const std::string& names, std::string& into, const std::string& help);
    // May be repeated. Each value is kept whole, whatever it contains.
    CLI::Option* texts(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    CLI::Option* path(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* paths(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    CLI::Option* directory(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* choice(const std::string& names, std::string& into, const std::string& help,
                        std::vector<std::string> choices);
    // Several choices, joined by commas or given by repeating the option.
    CLI::Option* choices(const std::string& names, std::vector<std::string>& into,
                         const std::string& help, std::vector<std::string> choices);
    // "key=value"; may be repeated.
    CLI::Option* pairs(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    // A decimal number from 1 to the largest int.
    CLI::Option* count(const std::string& names, std::optional<int>& into, const std::string& help);
    // A decimal number within these bounds.
    CLI::Option* number(const std::string& names, std::optional<int>& into, int least, int most,
                        const std::string& help);
    // "90s", "10m", or bare seconds; stored in the API's form, with a unit.
    CLI::Option* duration(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* flag(const std::string& names, bool& into, const std::string& help);
    // All words that are not options, in order. Empty ones are kept.
    CLI::Option* words(const std::string& name, std::vector<std::string>& into,
                       const std::string& help);
    // Job ids. Traces of a file or a copy around an id are removed: blanks, a carriage return, a
    // byte order mark. A word that cannot be an id is refused.
    CLI::Option* id(const std::string& name, std::string& into, const std::string& help);
    CLI::Option* ids(const std::string& name, std::vector<std::string>& into,
                     const std::string& help);

 private:
    using Take = std::function<void(const std::string& value)>;
    CLI::Option* add(const std::string& names, const std::string& help, const Take& take);

    Program& program_;
    CLI::App& command_;
};

// Adds the commands that are clients of the API, completion and help.
void add_client_commands(Program& program);

// Prints a command's help, or the program's if `command` is empty. Returns the exit code.
int run_help(const Program& program, const std::string& command);

// Parses the words after the program's name, runs the command that they name and returns its exit
// code. Prints what is wrong if they are invalid.
int run_arguments(Program& program, std::vector<std::string> words);

// "10" → 10 s, "2m" → 2 min; nothing if the text is not a duration.
std::optional<std::chrono::milliseconds> parse_wait(std::string_view text);

}  // namespace millrace::cli
