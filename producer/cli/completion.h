// Completion scripts for shells, made from the parser itself so that they cannot fall behind it.
//
// Pure.
#pragma once

#include <string>

#include "producer/cli/parser.h"

namespace millrace::cli {

// Requires: `shell` is bash, zsh or fish.
std::string completion_script(const Program& program, const std::string& shell);

}  // namespace millrace::cli
