// Reads all jobs that somebody waits for, and tells the hub of those that ended: events may be
// lost, rows are not.
//
// Threads:   one caller at a time.
// Blocks:    step(), as long as its reads.
#pragma once

#include "common/storage/job_store.h"
#include "producer/events/event_hub.h"

namespace millrace::gateway {

class Prober {
 public:
    Prober(storage::JobStore& store, EventHub& hub, std::size_t batch_max)
        : store_(store), hub_(hub), batch_max_(batch_max) {}

    // Gives up at the first read that fails: the next step tries again.
    void step();

 private:
    storage::JobStore& store_;
    EventHub& hub_;
    const std::size_t batch_max_;
};

}  // namespace millrace::gateway
