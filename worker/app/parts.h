// The parts of a worker, connected to each other, without its threads.
//
//   consume ─► Lanes ─► claim ─► Executor ─► backends ─► settle
//                         ▲         ▲ deadlines, control    │
//                         └─────────┴── slots are free ─────┘        lease · partials · events ·
//                         topics
//
// The driver calls the step of each part again and again: Worker does so from one thread per step,
// a simulation on a clock of its own. claim, settle, lease and partials each have their own
// connection to the store, so that none waits for another.
//
// Threads:   see each part; each step has one caller at a time.
// Blocks:    see each part.
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
#include "worker/execute/checkpoint_saver.h"
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
    execute::LeaseTerms lease;
    consume::OffsetTrackerOptions offsets;
    execute::OutputFeedOptions outputs;
    execute::ExecutorOptions executor;
    execute::ClaimerOptions claims;  // `shares` is filled in later, from the three above.
    execute::CompletionWriterOptions completions;
    execute::DrainOptions drain;
};

// What a worker uses but does not own; everything here must outlive it.
struct Dependencies {
    const Clock& clock;
    Random& random;  // Must be thread-safe if the steps run on threads.
    broker::Broker& broker;
    storage::OpenStore open_store;
};

// Called when a step has work before its next tick. Must not block.
struct Wakers {
    std::function<void()> claim;
    std::function<void()> settle;
    std::function<void()> events;
    std::function<void()> tick;  // The executor's.
};

// The longest time between two calls of a step that nobody wakes. Some work arrives without a call
// to a waker, such as a retry that is due or a period that begins.
inline constexpr milliseconds kTick{50};
inline constexpr milliseconds kDeadlineTick{20};
inline constexpr milliseconds kPartialTick{200};
inline constexpr milliseconds kTopicsInterval{5000};

// The parts that must exist before the models are loaded, because their backends report to them.
struct Core {
    Core(WorkerOptions worker_options, Dependencies dependencies,
         std::vector<std::unique_ptr<backends::Backend>> its_backends);

    const WorkerOptions options;
    const Dependencies given;
    const broker::Topics topics;
    const std::vector<schedule::LaneInfo> lanes;
    const std::unique_ptr<broker::Publisher> publisher;
    const std::vector<std::unique_ptr<backends::Backend>> backends;
    execute::Lease lease;
    execute::OutputFeed outputs;
    execute::EventStream events;
    execute::EndedAttempts ended;
    execute::Executor executor;
};

// The other parts. Borrows the core, whose executor must have been started.
struct Parts {
    Parts(Core& its_core, schedule::ModelTable its_models, Wakers wakers);
    ~Parts();

    // --- Steps that combine parts ---
    void claim();   // Claims until nothing more can be claimed now.
    void settle();  // Writes until nothing more can be written now.
    // Keeps the lease, and announces the models that it serves if a backend has changed its own.
    void keep_lease();
    // Creates the topics. Gateways do so too, but a worker may be first. Until they exist, it
    // steals.
    void ensure_topics();
    milliseconds lease_interval() const;

    // Takes no more jobs; running jobs continue until drain->step() returns true.
    void begin_drain(milliseconds timeout);

    Core& core;
    schedule::ModelTable models;
    schedule::Lanes lanes;
    consume::OffsetTracker offsets;
    consume::LaneHints hints;
    const std::unique_ptr<storage::JobStore> claim_store;
    const std::unique_ptr<storage::JobStore> settle_store;
    const std::unique_ptr<storage::JobStore> lease_store;
    const std::unique_ptr<storage::JobStore> checkpoint_store;
    const std::unique_ptr<broker::Subscriber> job_messages;
    const std::unique_ptr<broker::Subscriber> control_messages;
    execute::CompletionWriter writer;
    execute::Claimer claimer;
    execute::CheckpointSaver checkpoints;
    execute::LeaseKeeper lease_keeper;
    consume::Consumer consumer;
    consume::ControlListener control;
    std::optional<execute::Drain> drain;  // Set by begin_drain().

 private:
    execute::LeaseKeeperOptions lease_keeper_options() const;
    void report();
    void report_slots(std::int64_t held);

    bool topics_exist_ = false;        // Used by the caller of ensure_topics().
    std::int64_t slots_reported_ = 0;  // Used by the caller of claim().
};

}  // namespace millrace::worker
