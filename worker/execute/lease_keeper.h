// Keeps this worker alive in the store: registers an incarnation, renews its lease, carries out the
// orders in the heartbeat's reply, and saves checkpoints of partial output on the way.
//
// A reply that says "not alive" is final for the incarnation: its attempts are stopped, and the
// process goes on as a new one. Outcomes of the old one are still sent, under their own fence.
//
// Partial output that the store refuses as data is left out, without affecting that of other jobs.
//
// Threads:   ask_to_drain() from any thread; the rest has one caller at a time.
// Blocks:    step() and say_goodbye(), in calls of the store.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "worker/execute/executor.h"
#include "worker/execute/lease.h"
#include "worker/execute/output_feed.h"

namespace millrace::execute {

struct LeaseKeeperOptions {
    storage::WorkerInfo info;  // Without an id.
    milliseconds heartbeat_interval{5000};
    milliseconds retry_interval{500};  // Wait after a failed call.
    CheckpointLimits checkpoints = {};
};

class LeaseKeeper {
 public:
    // `on_mismatch` is called if the store counts other attempts as this worker's than it holds.
    LeaseKeeper(storage::JobStore& store, Lease& lease, Executor& executor, OutputFeed& outputs,
                const Clock& clock, Random& random, LeaseKeeperOptions options,
                std::function<void()> on_mismatch);

    // Does whatever is due. Call it several times per heartbeat interval.
    void step();

    // The models that the worker serves from now on; the next step() announces them to the store.
    void serve(std::vector<std::string> models);
    bool is_registered() const { return registered_; }

    void ask_to_drain() { drain_wanted_ = true; }
    // Call when the incarnation has ended in good order.
    void say_goodbye();

 private:
    bool start_incarnation();
    void heartbeat();
    void obey(const storage::HeartbeatReply& reply, std::size_t held_before);
    void end_incarnation();
    void tell_draining();
    void announce();
    void save_checkpoints();
    Status save(WorkerId worker, std::span<const storage::PartialCheckpoint> batch);
    void retry_later(const char* what, const Error& error);

    storage::JobStore& store_;
    Lease& lease_;
    Executor& executor_;
    OutputFeed& outputs_;
    const Clock& clock_;
    LeaseKeeperOptions options_;
    bool has_news_ = false;  // Models are not announced to the store yet.
    const std::function<void()> on_mismatch_;
    UuidGenerator ids_;

    std::atomic<bool> drain_wanted_ = false;
    bool registered_ = false;
    bool drain_told_ = false;
    bool failing_ = false;
    int mismatches_ = 0;  // Consecutive heartbeats with a mismatch.
    MonoTime next_;       // When to register or send a heartbeat.
};

}  // namespace millrace::execute
