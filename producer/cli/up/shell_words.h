// Splits a command as typed in a shell into words, and quotes a word for a shell.
//
// Quotes, backslashes, ~, $VARIABLES and file name patterns mean the same as in a shell. Whatever
// needs a shell to run (pipes, redirections, `commands`) is refused.
//
// Threads: one caller at a time (it reads the environment). Blocks: to match patterns against
//          folders.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace millrace::cli::up {

// Returns at least one word, none of them empty. Errors: kInvalidArgument with a sentence that says
// why.
Result<std::vector<std::string>> shell_words(const std::string& text);

// Returns the word as a shell takes it, in quotes if it needs them.
std::string shell_quoted(const std::string& word);

}  // namespace millrace::cli::up
