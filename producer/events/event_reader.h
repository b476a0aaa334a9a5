// Reads the events topic and notifies the hub.
//
// Threads:   one caller at a time.
// Blocks:    step(), up to its timeout.
#pragma once

#include <memory>

#include "common/broker/broker.h"
#include "producer/events/event_hub.h"

namespace millrace::events {

class EventReader {
 public:
    EventReader(std::unique_ptr<broker::Subscriber> subscriber, EventHub& hub)
        : subscriber_(std::move(subscriber)), hub_(hub) {}

    // Delivers what has arrived; waits up to `timeout` for something to arrive.
    void step(milliseconds timeout);

 private:
    void deliver(const broker::IncomingMessage& message);

    const std::unique_ptr<broker::Subscriber> subscriber_;
    EventHub& hub_;
};

}  // namespace millrace::events
