// A child's environment and its resource usage.
//
// Threads: thread-safe, as long as this process's environment does not change.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "worker/backends/process/process_backend.h"

namespace millrace::backends::process {

// The device that a slot's process is bound to.
Device device_of(const ProcessOptions& options, std::size_t slot);

// The whole environment of a slot's process.
std::map<std::string, std::string> environment_of(const ProcessOptions& options, std::size_t slot);

// Memory that belongs to the process alone: what it allocated and what it shares on purpose, but
// not the files it has mapped, which the kernel can drop when it needs room. Nothing if the process
// has ended.
//
// The kernel's own limit would be RLIMIT_AS, which counts addresses: CUDA reserves more of them
// than any machine has memory, and mapped weights count in full.
std::optional<std::size_t> memory_bytes_of(pid_t process);

}  // namespace millrace::backends::process
