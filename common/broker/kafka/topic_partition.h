// One partition of one topic. Internal to the module.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace millrace::broker {

struct TopicPartition {
    std::string topic;
    std::int32_t partition = 0;

    auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace millrace::broker
