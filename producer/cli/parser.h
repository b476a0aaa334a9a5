// What the arguments of the commands are made of: kinds of options, each with its checks, on CLI11.
//
// An argument is used or refused, never ignored: a value that is empty or no UTF-8 is an error, and
// so are an unknown word and an option that has no value after its "=". A word is one word: nothing
// in it is split or expanded.
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

// The parser writes into the options of the commands, which their actions keep alive.
struct Program {
    Program();

    CLI::App app;
    GlobalOptions global;
    Run run;  // Of the command that was parsed.
    std::map<const CLI::Option*, ValueHint> hints;

    // `examples`: commands, one a line, shown below the options.
    CLI::App& command(const std::string& name, const std::string& help, const std::string& examples,
                      Run action);
};

// Adds arguments to one command. `names` as in CLI11: "--queue,-q", or a bare name for words.
class Arguments {
 public:
    Arguments(Program& program, CLI::App& command) : program_(program), command_(command) {}

    CLI::Option* text(const std::string& names, std::string& into, const std::string& help);
    // May be repeated. Each value is one, whatever it has in it.
    CLI::Option* texts(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    CLI::Option* path(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* paths(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    CLI::Option* directory(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* choice(const std::string& names, std::string& into, const std::string& help,
                        std::vector<std::string> choices);
    // Several choices, joined by commas or by repeating the option.
    CLI::Option* choices(const std::string& names, std::vector<std::string>& into,
                         const std::string& help, std::vector<std::string> choices);
    // "key=value", may be repeated.
    CLI::Option* pairs(const std::string& names, std::vector<std::string>& into,
                       const std::string& help);
    // A decimal number from 1 to the largest int.
    CLI::Option* count(const std::string& names, std::optional<int>& into, const std::string& help);
    // A decimal number in these bounds.
    CLI::Option* number(const std::string& names, std::optional<int>& into, int least, int most,
                        const std::string& help);
    // "90s", "10m", or bare seconds; kept as the API takes it, with a unit.
    CLI::Option* duration(const std::string& names, std::string& into, const std::string& help);
    CLI::Option* flag(const std::string& names, bool& into, const std::string& help);
    // All words that are not options, in their order. An empty one is kept.
    CLI::Option* words(const std::string& name, std::vector<std::string>& into,
                       const std::string& help);
    // Of jobs, without what a file or a copy may have left around them: blanks, a carriage return,
    // a byte order mark. What cannot be an id is refused.
    CLI::Option* id(const std::string& name, std::string& into, const std::string& help);
    CLI::Option* ids(const std::string& name, std::vector<std::string>& into,
                     const std::string& help);

 private:
    using Take = std::function<void(const std::string& value)>;
    CLI::Option* add(const std::string& names, const std::string& help, const Take& take);

    Program& program_;
    CLI::App& command_;
};

// The commands that are clients of the API, completion and help.
void add_client_commands(Program& program);

// Of the program where `command` is empty. Returns the exit code.
int run_help(const Program& program, const std::string& command);

// Parses the words after the program's name, runs the command that they name and returns its exit
// code; says what is wrong with them otherwise.
int run_arguments(Program& program, std::vector<std::string> words);

// "10" → 10 s, "2m" → 2 min; nothing for what is no duration.
std::optional<std::chrono::milliseconds> parse_wait(std::string_view text);

}  // namespace millrace::cli
