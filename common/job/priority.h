// The priority that the client asks for. Each priority of each queue is a lane: a topic, a buffer
// in the worker, a share of its slots.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace {

// The values are stored in PostgreSQL and must not change. Lower is more urgent.
enum class Priority : std::uint8_t { kHigh = 0, kNormal = 1, kLow = 2 };

inline constexpr std::array kPriorities{Priority::kHigh, Priority::kNormal, Priority::kLow};
inline constexpr std::size_t kPriorityCount = kPriorities.size();

constexpr std::string_view name(Priority priority) {
    constexpr std::array<std::string_view, kPriorityCount> kNames{"high", "normal", "low"};
    return kNames.at(static_cast<std::size_t>(priority));
}

constexpr std::optional<Priority> parse_priority(std::string_view text) {
    for (const auto priority : kPriorities) {
        if (name(priority) == text) return priority;
    }
    return std::nullopt;
}

}  // namespace millrace
