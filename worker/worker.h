// One worker, whole: its parts, and the threads that drive them.
//
//   consume ─► Lanes ─► claim ─► Executor ─► backends ─► settle
//                         ▲         ▲ deadlines, control    │
//                         └─────────┴── slots are free ─────┘        lease · events · topics
//
// Each thread is a thin loop around one part's step(); claim, settle and lease have a connection to
// the store each, so that none waits for another. The parts know nothing of threads.
//
// Threads:   one caller at a time, but for hurry().
// Blocks:    start(), while models load; finish(), up to the drain's timeouts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/broker/broker.h"
#include "common/storage/job_store.h"
#include "worker/backends/backend.h"
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

class Worker {
 public:
    // Borrows the broker.
    Worker(storage::OpenStore open_store, broker::Broker& broker,
           std::vector<std::unique_ptr<Backend>> backends, WorkerOptions options);
    ~Worker();

    // Loads the models and begins to work. An error says what to change.
    Status start();

    // Takes no more jobs; what runs goes on.
    void drain();
    // After drain(): hands back what still runs, now. From any thread.
    void hurry();
    // After drain(): returns when the drain is over and everything has ended.
    void finish();

 private:
    class Flow;

    const WorkerOptions options_;
    const storage::OpenStore open_store_;
    broker::Broker& broker_;
    const broker::Topics topics_;
    const std::vector<LaneInfo> lanes_;

    std::unique_ptr<broker::Publisher> publisher_;
    std::vector<std::unique_ptr<Backend>> backends_;
    Lease lease_;
    OutputFeed outputs_;
    EventStream events_;
    EndedAttempts ended_;
    Executor executor_;
    std::unique_ptr<Flow> flow_;  // From start() on.
};

}  // namespace millrace::worker
