// A worker but for its threads: its parts, wired to each other.
//
//   consume ─► Lanes ─► claim ─► Executor ─► backends ─► settle
//                         ▲         ▲ deadlines, control    │
//                         └─────────┴── slots are free ─────┘        lease · events · topics
//
// Whoever drives it calls each part's step again and again: Worker from a thread each, a simulation
// on a clock of its own. claim, settle and lease have a connection to the store each, so that none
// waits for another.
//
// Threads:   as the parts say; each step has one caller at a time.
// Blocks:    as the parts say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/broker/broker.h"
#include "common/storage/job_store.h"
#include "worker/backends/backend.h"
#include "worker/consume/consumer.h"
#include "worker/consume/control_listener.h"
#include "worker/execute/claimer.h"
#include "worker/execute/drain.h"
#include "worker/execute/lease_keeper.h"

namespace millrace::worker {

struct WorkerOptions {
    std::string name;
    std::string host;
    std::vector<std::string> queues;
    std::string topic_prefix;
    int partitions = 4;
    std::size_t lane_buffer_max = 4096;
    int share_high = 60;
    int share_normal = 30;
    int share_low = 10;
    milliseconds heartbeat_interval{5000};
    LeaseTerms lease;
    OffsetTrackerOptions offsets;
    OutputFeedOptions outputs;
    ExecutorOptions executor;
    ClaimerOptions claims;  // Without shares.
    CompletionWriterOptions completions;
    DrainOptions drain;
};

// What a worker works with; all must outlive it.
struct Surroundings {
    const Clock& clock;
    Random& random;  // Thread-safe, if the steps have threads.
    broker::Broker& broker;
    storage::OpenStore open_store;
};

// Called when a step has something to do before its time. Must not block.
struct Wakers {
    std::function<void()> claim;
    std::function<void()> settle;
    std::function<void()> events;
    std::function<void()> tick;  // The executor's.
};

// How long a step may be away when nobody wakes it: it looks for what nobody tells of, such as a
// retry that is due or a period that has begun.
inline constexpr milliseconds kTick{50};
inline constexpr milliseconds kDeadlineTick{20};
inline constexpr milliseconds kTopicsInterval{5000};

// What has to be there before the models are loaded, because their backends report to it.
struct Core {
    Core(WorkerOptions worker_options, Surroundings surroundings,
         std::vector<std::unique_ptr<Backend>> its_backends);

    const WorkerOptions options;
    const Surroundings given;
    const broker::Topics topics;
    const std::vector<LaneInfo> lanes;
    const std::unique_ptr<broker::Publisher> publisher;
    const std::vector<std::unique_ptr<Backend>> backends;
    Lease lease;
    OutputFeed outputs;
    EventStream events;
    EndedAttempts ended;
    Executor executor;
};

// The rest. Borrows the core, whose executor has been started.
struct Parts {
    Parts(Core& its_core, ModelTable its_models, Wakers wakers);
    ~Parts();

    // --- Steps beyond those of the parts ---
    void claim();   // Whatever can be claimed now.
    void settle();  // Whatever can be written now.
    // The lease, and what it says of the models: a backend may have got others.
    void keep_lease();
    // Gateways make the topics too; a worker may be first. Until then it steals.
    void ensure_topics();
    milliseconds lease_interval() const;

    // Takes no more jobs; what runs goes on until drain->step() says that it is over.
    void begin_drain(milliseconds timeout);

    Core& core;
    ModelTable models;
    Lanes lanes;
    OffsetTracker offsets;
    LaneHints hints;
    const std::unique_ptr<storage::JobStore> claim_store;
    const std::unique_ptr<storage::JobStore> settle_store;
    const std::unique_ptr<storage::JobStore> lease_store;
    const std::unique_ptr<broker::Subscriber> job_messages;
    const std::unique_ptr<broker::Subscriber> control_messages;
    CompletionWriter writer;
    Claimer claimer;
    LeaseKeeper lease_keeper;
    Consumer consumer;
    ControlListener control;
    std::optional<Drain> drain;  // From begin_drain() on.

 private:
    LeaseKeeperOptions lease_keeper_options() const;
    void report();
    void report_slots(std::int64_t held);

    bool topics_exist_ = false;        // Of the caller of ensure_topics().
    std::int64_t slots_reported_ = 0;  // Of the caller of claim().
};

}  // namespace millrace::worker
