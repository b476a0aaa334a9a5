// Saves checkpoints of partial output, on a connection and a thread of its own: however slow the
// store is with large texts, the lease is renewed in time.
//
// Partial output that the store refuses as data is left out, without affecting that of other jobs.
//
// Threads:   one caller at a time.
// Blocks:    step(), in calls of the store.
#pragma once

#include <span>

#include "common/base/clock.h"
#include "common/storage/job_store.h"
#include "worker/execute/output_feed.h"

namespace millrace::execute {

class CheckpointSaver {
 public:
    CheckpointSaver(storage::JobStore& store, OutputFeed& outputs, const Clock& clock,
                    CheckpointLimits limits = {})
        : store_(store), outputs_(outputs), clock_(clock), limits_(limits) {}

    // Saves all that is due, batch by batch, until a call fails.
    void step();

 private:
    Status save(WorkerId worker, std::span<const storage::PartialCheckpoint> batch);

    storage::JobStore& store_;
    OutputFeed& outputs_;
    const Clock& clock_;
    const CheckpointLimits limits_;
};

}  // namespace millrace::execute
