// The properties of our librdkafka clients, and the reasons for them. Internal to the module.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/broker/kafka/kafka_broker.h"

namespace millrace::broker::kafka {

using Properties = std::vector<std::pair<std::string, std::string>>;

// The properties that the user added. kInvalidArgument for an entry without a key and "=".
Result<Properties> extra_properties(const KafkaOptions& options);

Properties producer_properties(const KafkaOptions& options);
Properties group_properties(const KafkaOptions& options, const std::string& group);
Properties tail_properties(const KafkaOptions& options);

}  // namespace millrace::broker::kafka
