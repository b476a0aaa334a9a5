// Where a model runs: the GPUs that hold it, and the processors for its threads. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/device.h"
#include "common/base/result.h"

namespace millrace::backends::llama {

struct LlamaPlacement {
    std::vector<std::size_t> gpus;  // The library's numbers; empty: all.
    std::vector<int> processors;    // Empty: any.
};

// Combines all devices. kInvalidArgument for an accelerator that is not a number.
Result<LlamaPlacement> llama_placement(const std::vector<Device>& devices);

// For BackendInfo::devices: one entry, because the slots share one context.
std::vector<std::string> names_of(const std::vector<Device>& devices);

}  // namespace millrace::backends::llama
