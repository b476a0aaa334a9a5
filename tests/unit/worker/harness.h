// A whole worker without threads: its parts wired as in worker/app/parts.cc, driven step by step
// on a manual clock, over fakes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/worker/fakes.h"
#include "worker/consume/consumer.h"
#include "worker/execute/checkpoint_saver.h"
#include "worker/execute/claimer.h"
#include "worker/execute/drain.h"
#include "worker/execute/lease_keeper.h"

namespace millrace::test {

struct HarnessOptions {
    std::vector<std::string> models = {"fake"};
    std::size_t slots = 4;
    std::size_t batch_max = 1;
    std::size_t lane_buffer_max = 100;
    std::size_t output_bytes_max = 1000;
    std::size_t complete_bytes_max = 1 << 20;
    execute::CheckpointLimits checkpoints = {};
    std::size_t slots_max = 0;
    std::size_t batch_weight_max = 0;
    schedule::BatchOptions batch = {};
    bool is_preemptible = false;
    bool strict_priority = false;
};

// A text with "poison" cannot be stored: outputs, errors, partial text.
class WorkerStore : public FaultyJobStore {
 public:
    using FaultyJobStore::FaultyJobStore;
    Result<std::vector<storage::SettledReply>> job_settle(
        WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) override;
    Status partial_save(WorkerId worker,
                        const std::vector<storage::PartialCheckpoint>& partials) override;

    // How many attempts each call settled, stored or not.
    std::vector<std::size_t> settled = {};
    std::vector<std::size_t> saved = {};
};

class Harness {
 public:
    explicit Harness(HarnessOptions options = {});

    // Runs a round of every part, in the order in which a job travels, and repeats that as long as
    // anything moves. Time stands still.
    void run();
    // Lets time pass in small steps, with a round after each.
    void run_for(milliseconds duration);

    static JobSpec spec(Priority priority = Priority::kNormal);
    // Adds a queued row and a message about it.
    JobId submit(JobSpec spec = Harness::spec());
    // Adds only the row: its message was lost.
    JobId submit_silently(JobSpec spec = Harness::spec());
    void send_message(const JobId& job, const JobSpec& spec);

    // Returns the job's record in the store.
    storage::JobRecord record(const JobId& job) const { return *database.job(job); }
    JobState state(const JobId& job) const { return record(job).state; }
    // Returns the number of ended attempts.
    std::ptrdiff_t ended(const JobId& job) const;
    storage::WorkerState worker_state(WorkerId worker);
    // Runs `hook` once, at the start of the next call of this name.
    void on_next(const std::string& call, std::function<void()> hook) {
        hooks_[call] = std::move(hook);
    }

    // These play other processes: one claims the job and dies of it; a keeper declares the worker
    // lost; a keeper requeues the jobs of lost workers.
    void lose_once(const JobId& job);
    void mark_lost(WorkerId worker);
    void rescue() { (void)memory.keeper_rescue({}); }

    ManualClock clock;
    SeededRandom random{7};
    MemoryDatabase database{clock};
    MemoryJobStore memory{database};
    WorkerStore store{memory};
    FakePublisher publisher;
    FakeSubscriber subscriber;
    FakeBackend backend;
    broker::Topics topics{"test"};
    std::vector<schedule::LaneInfo> lane_infos = schedule::lanes_of({"default"});

    execute::Lease lease;
    execute::OutputFeed outputs;
    execute::EventStream events;
    execute::EndedAttempts ended_attempts;
    execute::Executor executor;
    schedule::ModelTable models;
    schedule::Lanes lanes;
    consume::OffsetTracker offsets;
    consume::LaneHints hints;
    execute::CompletionWriter writer;
    execute::Claimer claimer;
    execute::CheckpointSaver checkpoints;
    execute::LeaseKeeper lease_keeper;
    consume::Consumer consumer;

 private:
    schedule::ModelTable start_backends();

    UuidGenerator ids_{random};
    std::map<std::string, std::function<void()>> hooks_;
};

}  // namespace millrace::test
