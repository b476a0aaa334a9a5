// The options of `millrace up` as typed.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace millrace::cli::up {

struct UpOptions {
    std::optional<int> port;  // 0: any free one. Without it: gateway.port.
    std::string data;         // Empty: default_data_directory().
    int workers = 1;
    bool kafka = false;
    std::string config;                     // A YAML file with settings.
    std::vector<std::string> models;        // GGUF files.
    std::vector<std::string> backend_urls;  // OpenAI-compatible servers.
    std::vector<std::string> processes;     // Programs that run jobs, with arguments.
    std::vector<std::string> settings;      // "name=value"
    std::string program;  // How `millrace` was called, for commands that it suggests.
};

}  // namespace millrace::cli::up
