// Makes topics that are missing. Internal to the module.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/producer.h"

namespace millrace::broker::kafka {

// Implements Broker::ensure_topics.
Status ensure_topics(Producer& producer, const std::vector<TopicSpec>& topics,
                     int replication_factor, milliseconds timeout);

}  // namespace millrace::broker::kafka
