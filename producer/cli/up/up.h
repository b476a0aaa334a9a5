// `millrace up`: the whole stack on one machine, as children of this process.
//
// The parts are a private PostgreSQL cluster, a broker (in memory, or Apache Kafka), the gateway
// and the workers. They are started in this order, restarted if one dies, and stopped in reverse.
// Jobs and results stay in the data directory.
#pragma once

#include "producer/cli/up/options.h"

namespace millrace::cli::up {

// Returns the exit code once everything has stopped: 0 after a signal, 2 if nothing was started
// (the settings, the directory or the port cannot be used), 1 if a part did not start. As process 1
// it works in a child and reaps orphaned processes.
int run_up(const UpOptions& options);

}  // namespace millrace::cli::up
