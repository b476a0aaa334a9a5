#include "worker/backends/process/environment.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "worker/backends/process/message.h"

namespace millrace::backends::process {
namespace {

void pass_on(std::map<std::string, std::string>& environment, const std::string& name) {
    if (const char* value = std::getenv(name.c_str())) environment[name] = value;
}

}  // namespace

Device device_of(const ProcessOptions& options, std::size_t slot) {
    const auto& devices = options.devices;
    return devices.empty() ? Device() : devices[slot % devices.size()];
}

std::map<std::string, std::string> environment_of(const ProcessOptions& options, std::size_t slot) {
    std::map<std::string, std::string> environment;
    for (const char* name : kEnvironmentPassed) pass_on(environment, name);
    for (const auto& entry : options.environment) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos) {
            pass_on(environment, entry);
        } else {
            environment[entry.substr(0, equals)] = entry.substr(equals + 1);
        }
    }
    if (const auto device = device_of(options, slot); !device.accelerators.empty()) {
        environment["CUDA_VISIBLE_DEVICES"] =
            fmt::format("{}", fmt::join(device.accelerators, ","));
    }
    environment["MILLRACE_PROTOCOL"] = std::to_string(kProcessProtocol);
    return environment;
}

std::optional<std::size_t> memory_bytes_of(pid_t process) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    std::optional<std::size_t> bytes;
    for (std::string line; std::getline(status, line);) {
        // "RssAnon:     1234 kB"
        if (!line.starts_with("RssAnon:") && !line.starts_with("RssShmem:")) continue;
        const auto kib = std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
        bytes = bytes.value_or(0) + kib * 1024;
    }
    return bytes;
}

}  // namespace millrace::backends::process
