// The command line of a program that has no more of it than settings.
//
//   const auto startup = config::start(config::Program::kWorker, argc, argv);
//   if (!startup.config) return startup.exit_code;
//
// Besides flags of settings: --config FILE, --check-config (validates, prints the effective values,
// secrets masked), --help and --version.
#pragma once

#include <optional>

#include "common/config/config.h"

namespace millrace::config {

struct Startup {
    std::optional<Config> config;  // Empty: there is nothing to run; return exit_code.
    Sources sources;               // Where it came from, to load() it again.
    int exit_code = 0;             // 0 after a request that was answered, 2 after bad settings.
};

// What a program knows of its settings beyond their own bounds: an error says what is wrong.
using Check = Status (*)(const Config& config);

// Prints answers to standard output and problems to standard error.
// Settings that `check` refuses are bad settings too.
Startup start(Program program, int argc, const char* const* argv, Check check = nullptr);

}  // namespace millrace::config
