// Counts the waiting and running jobs of each lane. The statement counts every open job, so it has
// its own thread and connection, and its answer serves every call for a while. A failure is kept
// likewise, as it may have taken as long as a statement may.
//
// Threads:   lanes() and close() from any; step() and run() one caller at a time, on whose thread
//            answers come.
// Errors:    kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/service/fleet.h"

namespace millrace::reads {

struct LaneReaderOptions {
    std::size_t queue_max = 20000;  // Waiting calls; more are refused.
    milliseconds cache_max{1000};   // The maximum age of an answer.
};

class LaneReader final : public service::Lanes {
 public:
    using Answer = Result<std::vector<storage::LaneStats>>;

    LaneReader(LaneReaderOptions options, const Clock& clock, storage::JobStore& store)
        : options_(options), clock_(clock), store_(store), queue_(options.queue_max) {}

    void lanes(service::Callback<Answer> done) override;

    // Answers the call that has waited longest; waits for one until `wait_until`. Returns false if
    // there was none.
    bool step(MonoTime wait_until = MonoTime::min());

    // Calls step() until close() was called and every call is answered.
    void run();
    // Refuses calls from now on.
    void close() { queue_.close(); }

 private:
    const LaneReaderOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    runtime::BoundedQueue<service::Callback<Answer>> queue_;

    // Only the caller of step():
    std::optional<Answer> lanes_;
    MonoTime read_at_ = MonoTime::min();
};

}  // namespace millrace::reads
