#include "worker/backends/llama/placement.h"

#include <fmt/format.h>

#include <charconv>

namespace millrace::backends::llama {

Result<LlamaPlacement> llama_placement(const std::vector<Device>& devices) {
    LlamaPlacement placement;
    auto& [gpus, processors] = placement;
    for (const auto& device : devices) {
        processors.insert(processors.end(), device.processors.begin(), device.processors.end());
        for (const auto& accelerator : device.accelerators) {
            std::size_t number = 0;
            const char* end = accelerator.data() + accelerator.size();
            if (std::from_chars(accelerator.data(), end, number).ptr != end) {
                return Error{
                    ErrorCode::kInvalidArgument,
                    fmt::format(
                        "backend.llama.devices takes GPUs by their numbers, not '{}'; to use only "
                        "that one, set CUDA_VISIBLE_DEVICES={} in the worker's environment",
                        accelerator, accelerator)};
            }
            gpus.push_back(number);
        }
    }
    return placement;
}

std::vector<std::string> names_of(const std::vector<Device>& devices) {
    if (devices.empty()) return {};
    std::string name;
    for (const auto& device : devices) name += (name.empty() ? "" : "+") + device.text;
    return {name};
}

}  // namespace millrace::backends::llama
