// The one table of backends: which ones this build has, and the setting that switches each on. To
// add a backend, add a row to the .cc file, its settings to common/config/settings.inc and its
// module to worker/app/CMakeLists.txt.
#pragma once

#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "worker/backends/backend.h"

namespace millrace::worker {

// The backends that are switched on, not yet started. kInvalidArgument if this build lacks one.
Result<std::vector<std::unique_ptr<backends::Backend>>> make_backends(const config::Config& config);

// Checks the settings of the backends that are switched on, without starting anything, for what the
// bounds of each setting do not cover: URLs, keys, certificate files. kInvalidArgument names the
// setting, or says what is wrong.
Status check_backends(const config::Config& config);

}  // namespace millrace::worker
