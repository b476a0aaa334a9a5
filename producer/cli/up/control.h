// Commands for a stack that `millrace up` runs: they find it by its data directory.
#pragma once

#include <string>

namespace millrace::cli {

struct LogsOptions {
    std::string part;  // "gateway", "worker-1", "worker", "postgres", "kafka"; empty: all.
    std::string data;  // Empty: default_data_directory().
    int lines = 20;    // The last ones, of each part.
    bool follow = false;
};
// Shows what the parts of a stack wrote, also when it no longer runs. Becomes the program `tail`.
int run_logs(const LogsOptions& options);

// Asks it to stop and waits until it has.
int run_down(const std::string& data);

// Asks it to load its settings and models anew.
int run_reload(const std::string& data);

}  // namespace millrace::cli
