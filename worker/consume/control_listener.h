// Reads the control topic, which every worker reads completely. Passes on orders to stop an
// attempt, and keeps the hints about the lanes. Losing a message is harmless: the heartbeat's reply
// repeats the orders, and without hints the worker asks the store itself.
//
// Threads:   one caller at a time.
// Blocks:    step(), in Subscriber::poll only, up to its timeout.
#pragma once

#include <functional>

#include "common/broker/broker.h"
#include "common/wire/messages.h"
#include "worker/consume/lane_hints.h"

namespace millrace::consume {

class ControlListener {
 public:
    using OnCancel = std::function<void(const wire::CancelAttempt&)>;

    ControlListener(broker::Subscriber& subscriber, LaneHints& hints, OnCancel on_cancel);

    void step(milliseconds timeout);

 private:
    broker::Subscriber& subscriber_;
    LaneHints& hints_;
    const OnCancel on_cancel_;
};

}  // namespace millrace::consume
