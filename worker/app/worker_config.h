// Converts the settings into the options of the worker's parts. No other place knows both.
#pragma once

#include "common/config/config.h"
#include "worker/app/worker.h"

namespace millrace::worker {

WorkerOptions worker_options(const config::Config& config);

}  // namespace millrace::worker
