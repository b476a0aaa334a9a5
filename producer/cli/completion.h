// Shell completion scripts, generated from the parser itself so that they cannot become outdated.
//
// Pure.
#pragma once

#include <string>

#include "producer/cli/parser.h"

namespace millrace::cli {

// Requires: `shell` is bash, zsh or fish.
std::string completion_script(const Program& program, const std::string& shell);

}  // namespace millrace::cli
