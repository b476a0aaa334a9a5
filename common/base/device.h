// What a slot of a worker is bound to: accelerators, processors, or both.
//
//   0   GPU-5f3a…   MIG-1b2c…     an accelerator, in the notation of CUDA_VISIBLE_DEVICES
//   cpu:0-7                       processors, by their numbers in /proc/cpuinfo
//   0+1   0+cpu:0-7+cpu:16-23     several of them
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace millrace {

struct Device {
    std::string text;                       // As given.
    std::vector<std::string> accelerators;  // In the order given; empty: unbound.
    std::vector<int> processors;            // Ascending, each once; empty: unbound.
};

// The highest processor number that a slot can be bound to: CPU_SETSIZE - 1.
inline constexpr int kProcessorMax = 1023;

// Errors: kInvalidArgument, naming the invalid part and the accepted forms.
Result<Device> parse_device(std::string_view text);
// Returns all of them, or the first error.
Result<std::vector<Device>> parse_devices(const std::vector<std::string>& texts);

}  // namespace millrace
