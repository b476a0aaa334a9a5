// Rules that tie several settings together.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace millrace::config {

// One sentence for each rule that is broken, among the settings that the program uses.
std::vector<std::string> broken_rules(Program program, const Config& config);

}  // namespace millrace::config
