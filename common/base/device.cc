#include "common/base/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace millrace {
namespace {

constexpr std::string_view kProcessors = "cpu:";

Error not_a_device(std::string_view part) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("'{}' is not a device: write a number (0), the id of a GPU or MIG device "
                        "(GPU-…, MIG-…, from nvidia-smi -L), processors up to {} (cpu:0-7), or "
                        "several of these joined by + (0+cpu:0-7)",
                        part, kProcessorMax)};
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_accelerator(std::string_view text) {
    if (is_number(text)) return true;
    // Older drivers use the form "MIG-GPU-UUID/1/0".
    constexpr std::string_view kIdCharacters =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-/";
    constexpr std::size_t kPrefix = 4;
    return (text.starts_with("GPU-") || text.starts_with("MIG-")) && text.size() > kPrefix &&
           text.find_first_not_of(kIdCharacters) == std::string_view::npos;
}

std::optional<int> processor_of(std::string_view text) {
    int number = 0;
    if (!is_number(text)) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > kProcessorMax) return std::nullopt;
    return number;
}

// Accepts "3" or "0-7"; returns false for anything else.
bool add_processors(std::string_view range, std::vector<int>& processors) {
    const auto dash = std::min(range.find('-'), range.size());
    const auto first = processor_of(range.substr(0, dash));
    const auto last = dash < range.size() ? processor_of(range.substr(dash + 1)) : first;
    if (!first || !last || *last < *first) return false;
    for (int number = *first; number <= *last; ++number) processors.push_back(number);
    return true;
}

}  // namespace

Result<Device> parse_device(std::string_view text) {
    Device device{.text = std::string(text)};
    for (bool more = true; more;) {
        const auto plus = std::min(text.find('+'), text.size());
        const auto part = text.substr(0, plus);
        more = plus < text.size();
        text.remove_prefix(std::min(plus + 1, text.size()));
        if (part.starts_with(kProcessors)) {
            if (!add_processors(part.substr(kProcessors.size()), device.processors)) {
                return not_a_device(part);
            }
        } else if (is_accelerator(part)) {
            device.accelerators.emplace_back(part);
        } else {
            return not_a_device(part);
        }
    }
    auto& processors = device.processors;
    std::sort(processors.begin(), processors.end());
    processors.erase(std::unique(processors.begin(), processors.end()), processors.end());
    return device;
}

Result<std::vector<Device>> parse_devices(const std::vector<std::string>& texts) {
    std::vector<Device> devices;
    for (const auto& text : texts) {
        TRY(auto device, parse_device(text));
        devices.push_back(std::move(device));
    }
    return devices;
}

}  // namespace millrace
