// Keeps this worker alive in the store: registers an incarnation, renews its lease, obeys what the
// heartbeat's reply says, and saves checkpoints of partial output on the way.
//
// A reply that says "not alive" is final for the incarnation: its attempts are stopped, and the
// process goes on as a new one. Outcomes of the old one are still sent, under their own fence.
//
// Partial output that the store refuses as data costs nobody else theirs: it is left out.
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

namespace millrace::worker {

struct LeaseKeeperOptions {
    storage::WorkerInfo info;  // Without an id.
    milliseconds heartbeat_interval{5000};
    milliseconds retry_interval{500};  // After a call that failed.
    CheckpointLimits checkpoints = {};
};

class LeaseKeeper {
 public:
    // `on_mismatch` is called when the store counts other attempts as ours than are held.
    LeaseKeeper(storage::JobStore& store, Lease& lease, Executor& executor, OutputFeed& outputs,
                const Clock& clock, Random& random, LeaseKeeperOptions options,
                std::function<void()> on_mismatch);

    // Whatever is due: call several times a heartbeat interval.
    void step();

    // The worker serves these models from now on: the store hears of it with the next step().
    void serve(std::vector<std::string> models);
    bool is_registered() const { return registered_; }

    void ask_to_drain() { drain_wanted_ = true; }
    // The incarnation has ended in good order.
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
    bool has_news_ = false;  // Models that the store has not heard of.
    const std::function<void()> on_mismatch_;
    UuidGenerator ids_;

    std::atomic<bool> drain_wanted_ = false;
    bool registered_ = false;
    bool drain_told_ = false;
    bool failing_ = false;
    int mismatches_ = 0;  // Heartbeats in a row.
    MonoTime next_;       // Of registration or heartbeat.
};

}  // namespace millrace::worker
