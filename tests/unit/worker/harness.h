// A whole worker without threads: its parts wired as in worker/worker.cc, driven step by step on a
// manual clock, over fakes.
#pragma once

#include <memory>
#include <vector>

#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/worker/fake_job_store.h"
#include "tests/unit/worker/fakes.h"
#include "worker/consume/consumer.h"
#include "worker/execute/claimer.h"
#include "worker/execute/drain.h"
#include "worker/execute/lease_keeper.h"

namespace millrace::test {

struct HarnessOptions {
    std::size_t slots = 4;
    std::size_t batch_max = 1;
    std::size_t lane_buffer_max = 100;
    std::size_t output_bytes_max = 1000;
    std::size_t slots_max = 0;
};

class Harness {
 public:
    explicit Harness(HarnessOptions options = {});

    // One round of every part, in the order in which a job travels; then again while that moves
    // anything. Time stands still.
    void run();
    // Time passes in small steps, with a round after each.
    void run_for(milliseconds duration);

    static JobSpec spec(Priority priority = Priority::kNormal);
    // A queued row, and a message about it.
    JobId submit(JobSpec spec = Harness::spec());
    // Only the row: its message was lost.
    JobId submit_silently(JobSpec spec = Harness::spec()) { return store.insert(std::move(spec)); }
    void send_message(const JobId& job, const JobSpec& spec);
    JobState state(const JobId& job) const { return store.row(job).state; }

    ManualClock clock;
    SeededRandom random{7};
    FakeJobStore store{clock};
    FakePublisher publisher;
    FakeSubscriber subscriber;
    FakeBackend backend;
    broker::Topics topics{"test"};
    std::vector<worker::LaneInfo> lane_infos = worker::lanes_of({"default"});

    worker::OutputFeed outputs;
    worker::EventStream events;
    worker::CompletionInbox inbox;
    worker::Executor executor;
    worker::ModelTable models;
    worker::Lanes lanes;
    worker::OffsetTracker offsets;
    worker::Lease lease;
    worker::CompletionWriter writer;
    worker::Claimer claimer;
    worker::LeaseKeeper lease_keeper;
    worker::Consumer consumer;

 private:
    worker::ModelTable start_backends();
};

}  // namespace millrace::test
