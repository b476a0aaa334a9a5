// Settings read again while the process runs: which of them may change, and which need a restart.
//
// Pure, but for the file that is read.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace millrace::worker {

struct Reloaded {
    config::Config config;
    // Settings that have changed and keep their old values in `config` all the same: what the whole
    // process shares is made of them.
    std::vector<std::string> need_restart;
};

// The settings as the process would get them if it were started now. Errors: those of
// config::load(). Without a file they are the same, for models that have changed beneath them.
Result<Reloaded> reload(const config::Config& running, const config::Sources& sources);

}  // namespace millrace::worker
