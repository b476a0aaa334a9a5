// The properties of our clients of librdkafka, and why. Internal to the module.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/broker/kafka/kafka_broker.h"

namespace millrace::broker {

using Properties = std::vector<std::pair<std::string, std::string>>;

// What the user added. kInvalidArgument for an entry without "=".
Result<Properties> extra_properties(const KafkaOptions& options);

Properties producer_properties(const KafkaOptions& options);
Properties group_properties(const KafkaOptions& options, const std::string& group);
Properties tail_properties(const KafkaOptions& options);

}  // namespace millrace::broker
