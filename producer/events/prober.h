// Reads all jobs that have waiters, and notifies the hub of those that ended: events may be lost,
// rows are not.
//
// Threads:   one caller at a time.
// Blocks:    step(), for as long as its reads take.
#pragma once

#include "common/storage/job_store.h"
#include "producer/events/event_hub.h"

namespace millrace::events {

class Prober {
 public:
    Prober(storage::JobStore& store, EventHub& hub, std::size_t batch_max)
        : store_(store), hub_(hub), batch_max_(batch_max) {}

    // Stops at the first read that fails; the next step tries again.
    void step();

 private:
    storage::JobStore& store_;
    EventHub& hub_;
    const std::size_t batch_max_;
};

}  // namespace millrace::events
