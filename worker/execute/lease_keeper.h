// Keeps this worker alive in the store: registers an incarnation, renews its lease, carries out the
// orders in the heartbeat's reply.
//
// A reply that says "not alive" is final for the incarnation: its attempts are stopped, and the
// process goes on as a new one. Outcomes of the old one are still sent, under their own fence.
//
// Threads:   ask_to_drain() from any thread; the rest has one caller at a time.
// Blocks:    step() and say_goodbye(), in calls of the store.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "worker/execute/executor.h"
#include "worker/execute/lease.h"

namespace millrace::execute {

struct LeaseKeeperOptions {
    storage::WorkerInfo info;  // Without an id.
    milliseconds heartbeat_interval{5000};
    milliseconds retry_interval{500};  // Wait after a failed call.
};

// What the replies to heartbeats ask of the worker.
struct LeaseOrders {
    // The store counts other attempts as this worker's than it holds.
    std::function<void()> reconcile;
    // Whether a confined job waits for the worker to have no other; called each time.
    std::function<void(bool)> make_way;
};

class LeaseKeeper {
 public:
    LeaseKeeper(storage::JobStore& store, Lease& lease, Executor& executor, const Clock& clock,
                Random& random, LeaseKeeperOptions options, LeaseOrders orders);

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
    void retry_later(const char* what, const Error& error);

    storage::JobStore& store_;
    Lease& lease_;
    Executor& executor_;
    const Clock& clock_;
    LeaseKeeperOptions options_;
    bool has_news_ = false;  // Models are not announced to the store yet.
    const LeaseOrders orders_;
    UuidGenerator ids_;

    std::atomic<bool> drain_wanted_ = false;
    bool registered_ = false;
    bool drain_told_ = false;
    bool failing_ = false;
    int mismatches_ = 0;  // Consecutive heartbeats with a mismatch.
    MonoTime next_;       // When to register or send a heartbeat.
};

}  // namespace millrace::execute
