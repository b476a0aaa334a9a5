// Something that executes jobs on a model: the one interface that every backend implements.
//
// The executor hands over claimed jobs in batches; the backend reports each job exactly once to
// the sink. Batch backends run a batch as one model call; stream backends (engines that batch by
// themselves) get batches of one and run up to `slots` at a time.
//
// Outcomes are per job: one job's input must not fail its neighbours. Where a model call fails as a
// whole, the backend runs the halves of the batch again, and so on down to the job that it is
// (bisection): only it knows which failures come from a job and which from the model being away.
//
// Threads:   start/stop from one thread; run and abort from any thread, also at once; the sink is
//            called from the backend's own threads.
// Blocks:    run and abort never block: they hand over to the backend's own threads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/job/job.h"
#include "common/job/outcome.h"

namespace millrace::worker {

// Where a backend reports. Thread-safe; never blocks for long; must outlive the backend.
class ExecutionSink {
 public:
    virtual ~ExecutionSink() = default;

    // Output to append to what came before, in order for each attempt. At most until finished().
    virtual void partial(const AttemptKey& key, std::string_view text) = 0;
    virtual void progress(const AttemptKey& key, double fraction, std::string_view message) = 0;

    // The attempt is over and holds nothing of the backend any more. Exactly once for each job
    // that was handed over, whatever happens. May call run() on the same backend.
    virtual void finished(const AttemptKey& key, Outcome outcome) = 0;

    // What the backend's info() says of its models has changed.
    virtual void changed() {}
};

// One job of a batch. The deadline is the worker's own monotonic time.
struct Execution {
    ClaimedJob job;
    MonoTime deadline;
};

struct BackendInfo {
    std::string name;                  // "llama", "openai", "synthetic"
    std::vector<std::string> models;   // The names by which jobs ask for what it serves.
    std::size_t slots = 1;             // Batches that may be running in it at a time. >= 1.
    std::size_t batch_max = 1;         // Jobs in a batch; 1 for stream backends. >= 1.
    std::size_t batch_weight_max = 0;  // All jobs' batch_weight() in a batch; 0: any.
    // A stream backend whose slot is free at once when its job is aborted: a running job may have
    // to give way to a more urgent one.
    bool is_preemptible = false;
    std::vector<std::string> devices;  // What its slots are bound to, in order; empty: nothing.
    // What it waits for before it serves anything, for people; empty: nothing.
    std::string waits_for = {};
    bool is_stand_in = false;  // Of no use by itself: for tests and demonstrations.
};

// Why an attempt is stopped; decides the outcome that the backend reports for it.
enum class AbortReason {
    kCancelled,    // kCancelled
    kDeadline,     // kTimeout
    kInterrupted,  // kInterrupted: drain, a lost lease
    kPreempted,    // kInterrupted: gives way to more urgent work, and is run again soon
};

class Backend {
 public:
    virtual ~Backend() = default;

    // Loads the model and starts the threads; returns when ready to run. An error says what to
    // change (no such file, no GGUF, endpoint refused).
    virtual Status start(ExecutionSink& sink) = 0;
    // Ends every attempt as interrupted and returns when all are reported. Idempotent.
    virtual void stop() = 0;

    // Valid from construction, except models, slots and batch_max, which may be known only after
    // start(). Models and waits_for may change later, of which the sink hears. From any thread.
    virtual BackendInfo info() const = 0;

    // Jobs of one batch may share one model call: same key, see batch_key.h. Stream backends get
    // jobs of one key one after the other where that keeps nobody for long: their prompts begin
    // alike, or they use the same model. Cheap; called once or twice a job, from any thread.
    virtual std::string batch_key(const JobSpec& spec) const { return spec.model; }
    // What the job takes of batch_weight_max: rows of a tensor, tokens. A job that is heavier runs
    // alone. Cheap; called once a job, from any thread.
    virtual std::size_t batch_weight(const JobSpec&) const { return 1; }

    // Starts one batch. The caller keeps within `slots` and `batch_max`.
    virtual void run(std::vector<Execution> batch) = 0;

    // Stops the attempt as soon as the model allows and frees what it held; it is still reported
    // through finished(). Unknown or finished attempts are ignored.
    virtual void abort(const AttemptKey& key, AbortReason reason) = 0;
};

// The outcome that an aborted attempt is reported with.
Outcome aborted_outcome(AbortReason reason);

}  // namespace millrace::worker
