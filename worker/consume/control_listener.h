// Reads the control topic, which every process reads whole, and passes on the orders that stop an
// attempt. Losing one is harmless: the heartbeat's reply repeats it.
//
// Threads:   one caller at a time.
// Blocks:    step(), in Subscriber::poll only, up to its timeout.
#pragma once

#include <functional>

#include "common/broker/broker.h"
#include "common/wire/messages.h"

namespace millrace::worker {

class ControlListener {
 public:
    using OnCancel = std::function<void(const wire::CancelAttempt&)>;

    ControlListener(broker::Subscriber& subscriber, OnCancel on_cancel);

    void step(milliseconds timeout);

 private:
    broker::Subscriber& subscriber_;
    const OnCancel on_cancel_;
};

}  // namespace millrace::worker
