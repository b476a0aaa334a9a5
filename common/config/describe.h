// The settings for people: --help, --check-config and docs/configuration.md.
//
// Pure.
#pragma once

#include <string>

#include "common/config/config.h"

namespace millrace::config {

std::string help_text(Program program);

// One line per setting of the program: name, value (secrets masked) and origin.
std::string effective_values(Program program, const Config& config);

std::string configuration_markdown();

}  // namespace millrace::config
