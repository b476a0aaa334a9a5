// The successive workers of one process: each set of new settings gets a worker of its own, started
// beside the previous one, with its own backends.
//
//   running ── replace() ──► the successor loads its models, then takes jobs
//      └───────────────────► takes no more jobs, and ends after its last one
//
// Jobs are not affected. A worker cannot change its backends in place, because too much is fixed at
// its start (which slots there are, what it registered in the store). With two overlapping workers
// none of that has to change, and settings that cannot be served never affect running jobs. The
// price: until the old worker has ended, models that both serve are loaded twice.
//
// Threads:   one caller at a time, except for hurry(). One thread for each worker that is ending.
// Blocks:    start() and replace() while models load; finish() up to the drain's timeouts.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "common/base/result.h"
#include "common/runtime/thread.h"
#include "worker/app/worker.h"

namespace millrace::worker {

class WorkerGenerations {
 public:
    // The maximum number of workers ending at once; each keeps its models and connections until it
    // ends.
    static constexpr std::size_t kEndingMax = 4;

    WorkerGenerations() = default;
    ~WorkerGenerations();

    // Starts the first worker. An error says what to change.
    Status start(std::unique_ptr<Worker> worker);
    // Starts a successor. On an error nothing changes: it is the error of the worker's start, or
    // kResourceExhausted while too many workers are ending.
    Status replace(std::unique_ptr<Worker> worker);

    // No worker takes more jobs; running jobs continue for as long as the options allow.
    void drain();
    // Call after drain(): hands back the running jobs now. May be called from any thread.
    void hurry();
    // Call after drain(): returns when everything has ended.
    void finish();

 private:
    struct Ending {
        std::weak_ptr<Worker> worker;  // Expires when the worker has ended.
        runtime::Thread thread;
    };

    std::shared_ptr<Worker> running_;
    std::list<Ending> ending_;
};

}  // namespace millrace::worker
