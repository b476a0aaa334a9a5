// The command line of a program that takes only settings.
//
//   const auto startup = config::start(config::Program::kWorker, argc, argv);
//   if (!startup.config) return startup.exit_code;
//
// Apart from the flags of settings: --config FILE, --check-config (validates and prints the
// effective values, secrets masked), --help and --version.
#pragma once

#include <optional>

#include "common/config/config.h"

namespace millrace::config {

struct Startup {
    std::optional<Config> config;  // Empty: there is nothing to run; return exit_code.
    Sources sources;               // Where the settings came from, for another load().
    int exit_code = 0;             // 0 after an answered request, 2 after bad settings.
};

// A program's check of its settings beyond their own bounds; the error says what is wrong.
using Check = Status (*)(const Config& config);

// Prints answers to standard output and problems to standard error. Settings that `check` refuses
// are bad settings too.
Startup start(Program program, int argc, const char* const* argv, Check check = nullptr);

}  // namespace millrace::config
