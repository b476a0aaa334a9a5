// Creates missing topics, at the start and from then on: a broker that lost its data returns
// without them.
//
// Threads:   one caller at a time.
// Blocks:    step(), up to the timeout.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"

namespace millrace::dispatch {

// The topics of all lanes of the queues, the events topic and the control topic.
std::vector<broker::TopicSpec> topics_of(const broker::Topics& topics,
                                         const std::vector<std::string>& queues, int partitions);

class TopicCreator {
 public:
    TopicCreator(broker::Broker& broker, std::vector<broker::TopicSpec> topics,
                 milliseconds timeout)
        : broker_(broker), topics_(std::move(topics)), timeout_(timeout) {}

    // Returns false if the broker could not be reached; call it again later.
    bool step();

 private:
    broker::Broker& broker_;
    const std::vector<broker::TopicSpec> topics_;
    const milliseconds timeout_;
    bool failing_ = false;
};

}  // namespace millrace::dispatch
