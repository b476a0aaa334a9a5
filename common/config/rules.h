// Rules that involve several settings.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace millrace::config {

// One sentence for each broken rule among the settings that the program uses.
std::vector<std::string> broken_rules(Program program, const Config& config);

}  // namespace millrace::config
