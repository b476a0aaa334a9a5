// Reads the settings again while the process runs, and decides which of them may change and which
// need a restart.
//
// Pure, except that it reads the file.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace millrace::worker {

struct Reloaded {
    config::Config config;
    // Settings that have changed but keep their old values in `config`, because what the whole
    // process shares was built from them.
    std::vector<std::string> need_restart;
};

// The settings that the process would get if it started now. Errors: those of config::load().
// Without a settings file they are unchanged; a worker that starts with them still finds models
// that have changed.
Result<Reloaded> reload(const config::Config& running, const config::Sources& sources);

}  // namespace millrace::worker
