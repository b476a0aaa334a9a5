// Makes the topics that are missing, at the start and ever after: a broker that lost its data
// comes back without them.
//
// Threads:   one caller at a time.
// Blocks:    step(), up to the timeout.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"

namespace millrace::gateway {

// The topics of all lanes of the queues, of events and of control.
std::vector<broker::TopicSpec> topics_of(const broker::Topics& topics,
                                         const std::vector<std::string>& queues, int partitions);

class TopicCreator {
 public:
    TopicCreator(broker::Broker& broker, std::vector<broker::TopicSpec> topics,
                 milliseconds timeout)
        : broker_(broker), topics_(std::move(topics)), timeout_(timeout) {}

    // False when the broker could not be reached; try again later.
    bool step();

 private:
    broker::Broker& broker_;
    const std::vector<broker::TopicSpec> topics_;
    const milliseconds timeout_;
    bool failing_ = false;
};

}  // namespace millrace::gateway
