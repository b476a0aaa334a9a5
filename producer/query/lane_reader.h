// What waits and runs in each lane. The statement counts every open job, so it has a thread and a
// connection of its own, and its answer serves all who ask for a while; so does its failure, which
// may have taken as long as a statement may.
//
// Threads:   read() and close() from any; step() and run() one caller at a time, from which answers
//            come.
// Errors:    kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), as long as the store takes and until the given time.
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/intake/job_service.h"

namespace millrace::gateway {

struct LaneReaderOptions {
    std::size_t queue_max = 20000;  // Calls that wait; more are refused.
    milliseconds cache_max{1000};   // How old an answer may be.
};

class LaneReader {
 public:
    using Lanes = Result<std::vector<storage::LaneStats>>;

    LaneReader(LaneReaderOptions options, const Clock& clock, storage::JobStore& store)
        : options_(options), clock_(clock), store_(store), queue_(options.queue_max) {}

    void read(Callback<Lanes> done);

    // Answers whoever waits longest; waits for someone until `wait_until`. False: there was nobody.
    bool step(MonoTime wait_until = MonoTime::min());

    // step() until close() was called and everyone is answered.
    void run();
    // Refuses calls from now on.
    void close() { queue_.close(); }

 private:
    const LaneReaderOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    runtime::BoundedQueue<Callback<Lanes>> queue_;

    // Only the caller of step():
    std::optional<Lanes> lanes_;
    MonoTime read_at_ = MonoTime::min();
};

}  // namespace millrace::gateway
