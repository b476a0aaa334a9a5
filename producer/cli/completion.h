// Completion scripts for shells, made from the parser itself so that they cannot fall behind it.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "common/base/result.h"

namespace millrace::cli {

// `shell` is bash, zsh or fish; anything else is kInvalidArgument.
Result<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace millrace::cli
