// The words that can be completed, independent of the shell.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/parser.h"

namespace millrace::cli {

struct OptionWords {
    std::vector<std::string> names;  // "--queue", "-q"
    std::string help;
    bool takes_value = false;
    bool repeats = false;
    ValueHint hint;
};

struct CommandWords {
    std::string name;  // Empty: before any command.
    std::string help;
    std::vector<OptionWords> options;  // Includes the options of all commands.
    ValueHint positional;
};

std::vector<CommandWords> command_words(const Program& program);

}  // namespace millrace::cli
