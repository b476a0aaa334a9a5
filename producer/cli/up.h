// `millrace up`: the whole stack on one machine, as children of this process.
//
// A private PostgreSQL cluster, a broker (in memory, or Apache Kafka), the gateway and the workers,
// started in this order, restarted when one dies, stopped in reverse. Jobs and results stay in the
// data directory.
#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

struct UpOptions {
    int port = 8080;
    std::string data;  // Empty: default_data_directory().
    int workers = 1;
    bool kafka = false;
    std::vector<std::string> models;        // GGUF files.
    std::vector<std::string> backend_urls;  // OpenAI-compatible servers.
    std::string process;                    // A program that runs jobs, and its arguments.
    std::vector<std::string> settings;      // "name=value"
};

// /var/lib/millrace for root (PostgreSQL's own user must be able to enter it), else
// $XDG_DATA_HOME/millrace or ~/.local/share/millrace.
std::string default_data_directory();

// Returns the exit code once everything has stopped. Whatever cannot work (a model file that is no
// GGUF, a directory in use, a missing program) is said before anything is started.
int run_up(const UpOptions& options);

}  // namespace millrace::cli
