// Commands for a stack that `millrace up` runs. They find it by its data directory.
#pragma once

#include <string>

namespace millrace::cli::up {

struct LogsOptions {
    std::string part;  // "gateway", "worker-1", "worker", "postgres", "kafka"; empty: all.
    std::string data;  // Empty: default_data_directory().
    int lines = 20;    // The last lines of each part.
    bool follow = false;
};
// Shows what the parts of a stack wrote, even if it no longer runs. The process becomes `tail`.
int run_logs(const LogsOptions& options);

// Asks the stack to stop, and waits until it has.
int run_down(const std::string& data);

// Asks the stack to load its settings and models again.
int run_reload(const std::string& data);

}  // namespace millrace::cli::up
