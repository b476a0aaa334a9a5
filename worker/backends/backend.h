// The interface of all backends: a backend executes jobs on a model.
//
// The executor hands over claimed jobs in batches; the backend reports each job to the sink exactly
// once. Batch backends run a batch as one model call. Stream backends (engines that form batches
// themselves) get batches of one job and run up to `slots` of them at a time.
//
// Outcomes are per job: one job's input must not fail the other jobs. If a model call fails as a
// whole, the backend runs each half of the batch again, and so on down to the job at fault
// (bisection): only the backend knows which failures come from a job and which from an unavailable
// model.
//
// Threads:   start and stop from one thread; run and abort from any thread, also concurrently; the
//            sink is called from the backend's own threads.
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

namespace millrace::backends {

// Receives a backend's reports. Thread-safe; never blocks for long; must outlive the backend.
class ExecutionSink {
 public:
    virtual ~ExecutionSink() = default;

    // Text to append to the attempt's output so far, in order. Never after finished().
    virtual void partial(const AttemptKey& key, std::string_view text) = 0;
    virtual void progress(const AttemptKey& key, double fraction, std::string_view message) = 0;

    // The attempt is over, and the backend holds nothing of it any more. Called exactly once for
    // each job that was handed over, whatever happens. May call run() of the same backend.
    virtual void finished(const AttemptKey& key, Outcome outcome) = 0;

    // The models or waits_for in the backend's info() have changed.
    virtual void changed() {}
};

// One job of a batch. The deadline is on the worker's own monotonic clock.
struct Execution {
    ClaimedJob job;
    MonoTime deadline;
};

struct BackendInfo {
    std::string name;                  // "llama", "openai", "synthetic"
    std::vector<std::string> models;   // The names by which jobs ask for its models.
    std::size_t slots = 1;             // Batches that it can run at a time. >= 1.
    std::size_t batch_max = 1;         // Jobs in a batch; 1 for stream backends. >= 1.
    std::size_t batch_weight_max = 0;  // Sum of batch_weight() in a batch; 0: no limit.
    // A stream backend whose slot becomes free at once when its job is aborted. A running job may
    // be preempted there.
    bool is_preemptible = false;
    std::vector<std::string> devices;  // What its slots are bound to, in order; empty: nothing.
    // For people: what it waits for before it serves anything; empty: nothing.
    std::string waits_for = {};
    bool is_stand_in = false;  // Of no use by itself: for tests and demonstrations.
};

// Why an attempt is stopped. Decides the outcome that the backend reports for it.
enum class AbortReason {
    kCancelled,    // kCancelled
    kDeadline,     // kTimeout
    kInterrupted,  // kInterrupted: drain, a lost lease
    kPreempted,    // kInterrupted: gives way to more urgent work, and soon runs again
};

class Backend {
 public:
    virtual ~Backend() = default;

    // Loads the model and starts the threads; returns when ready to run. An error says what to
    // change (no such file, no GGUF, connection refused).
    virtual Status start(ExecutionSink& sink) = 0;
    // Ends every attempt as interrupted, and returns when all are reported. Idempotent.
    virtual void stop() = 0;

    // Valid from construction on, except models, slots and batch_max, which may be known only after
    // start(). Models and waits_for may change later; the sink's changed() reports it. From any
    // thread.
    virtual BackendInfo info() const = 0;

    // Jobs of one batch have the same key, so that they may share one model call; see batch_key.h.
    // Stream backends get jobs with the same key one after the other if that delays no other job
    // for long: their prompts begin alike, or they use the same model. Cheap; called once or twice
    // per job, from any thread.
    virtual std::string batch_key(const JobSpec& spec) const { return spec.model; }
    // The job's part of batch_weight_max: rows of a tensor, tokens. A heavier job runs alone.
    // Cheap; called once per job, from any thread.
    virtual std::size_t batch_weight(const JobSpec&) const { return 1; }

    // Starts one batch. The caller keeps within `slots` and `batch_max`.
    virtual void run(std::vector<Execution> batch) = 0;

    // Stops the attempt as soon as the model allows, and frees what it held; it is still reported
    // through finished(). Ignores unknown and finished attempts.
    virtual void abort(const AttemptKey& key, AbortReason reason) = 0;
};

// The outcome that is reported for an aborted attempt.
Outcome aborted_outcome(AbortReason reason);

}  // namespace millrace::backends
