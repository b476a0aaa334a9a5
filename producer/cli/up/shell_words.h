// A command as it is typed in a shell, cut into its words; and a word as it is typed there.
//
// Quotes, backslashes, ~, $VARIABLES and patterns of file names mean what they mean there. What
// needs a shell to run (pipes, redirections, `commands`) is refused.
//
// Threads: one caller at a time (it reads the environment). Blocks: patterns look at folders.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace millrace::cli {

// At least one word, none of them empty. Errors: kInvalidArgument, a sentence that says why.
Result<std::vector<std::string>> shell_words(const std::string& text);

// The word as a shell takes it: in quotes where it needs them.
std::string shell_quoted(const std::string& word);

}  // namespace millrace::cli
