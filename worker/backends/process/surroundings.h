// What a child process is given to live in, and how much of it it takes.
//
// Threads:   thread-safe, as long as nobody changes this process's environment.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "worker/backends/process/process_backend.h"

namespace millrace::worker {

// What the process of a slot is bound to.
Device device_of(const ProcessOptions& options, std::size_t slot);

// The whole environment of the process of a slot.
std::map<std::string, std::string> environment_of(const ProcessOptions& options, std::size_t slot);

// Memory that belongs to the process alone: what it allocated and what it shares on purpose, but
// not the files it has mapped, which the kernel takes back when it needs room. Nothing when it has
// ended.
//
// A limit of the kernel's own would be RLIMIT_AS, which counts addresses: CUDA reserves more of
// them than any machine has memory, and mapped weights count in full.
std::optional<std::size_t> memory_bytes_of(pid_t process);

}  // namespace millrace::worker
