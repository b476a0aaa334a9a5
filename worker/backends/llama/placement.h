// Where a model is put: the GPUs that hold it, and the processors that its threads run on.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/device.h"
#include "common/base/result.h"

namespace millrace::worker {

struct LlamaPlacement {
    std::vector<std::size_t> gpus;  // Numbers of the library's own; empty: all.
    std::vector<int> processors;    // Empty: any.
};

// All of the devices together. kInvalidArgument for an accelerator that is no number.
Result<LlamaPlacement> llama_placement(const std::vector<Device>& devices);

// As BackendInfo::devices has it: one entry, for the slots share one context.
std::vector<std::string> names_of(const std::vector<Device>& devices);

}  // namespace millrace::worker
