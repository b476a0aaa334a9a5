// `millrace up`: the whole stack on one machine, as children of this process.
//
// A private PostgreSQL cluster, a broker (in memory, or Apache Kafka), the gateway and the workers,
// started in this order, restarted when one dies, stopped in reverse. Jobs and results stay in the
// data directory.
#pragma once

#include "producer/cli/up/options.h"

namespace millrace::cli {

// Returns the exit code once everything has stopped: 0 after a signal, 2 where nothing was started
// (settings, the directory or the port cannot be used), 1 where a part did not start. As process 1
// it works in a child, and reaps whoever has lost its parent.
int run_up(const UpOptions& options);

}  // namespace millrace::cli
