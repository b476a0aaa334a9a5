// The one table of backends: which exist in this build, and what switches each on. To add a
// backend, add a row to the .cc, its settings to common/config/settings.inc and its module to
// program.cmake.
#pragma once

#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "worker/backends/backend.h"

namespace millrace::worker {

// Those that are switched on, not started. kInvalidArgument for one that this build lacks.
Result<std::vector<std::unique_ptr<Backend>>> make_backends(const config::Config& config);

// What can be said of the settings of those that are switched on without starting anything, beyond
// what each setting's own bounds say: URLs, keys, files of certificates. kInvalidArgument names the
// setting, or says what is wrong.
Status check_backends(const config::Config& config);

}  // namespace millrace::worker
