// The workers of one process, one after the other: new settings are served by a worker of their
// own, started beside the one before, with backends of its own.
//
//   running ── replace() ──► the next one loads its models, then takes jobs
//      └───────────────────► takes no more, and ends when its last job has
//
// No job notices. A worker cannot change its backends in place, because so much of it is fixed at
// the start (which slots there are, what the store was told of it); two that overlap need none of
// that changed, and settings that cannot be served never touch what runs. The price: until the old
// one has ended, what both serve is loaded twice.
//
// Threads:   one caller at a time, but for hurry(). One own thread for each worker that is ending.
// Blocks:    start() and replace(), while models load; finish(), up to the drain's timeouts.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "common/base/result.h"
#include "common/runtime/thread.h"
#include "worker/worker.h"

namespace millrace::worker {

class Succession {
 public:
    // Workers that may be ending at a time; each keeps its models and its connections so long.
    static constexpr std::size_t kEndingMax = 4;

    Succession() = default;
    ~Succession();

    // The first one. An error says what to change.
    Status start(std::unique_ptr<Worker> worker);
    // The next one. Nothing changes on an error: the one of the worker's start, or
    // kResourceExhausted while too many are ending.
    Status replace(std::unique_ptr<Worker> worker);

    // All take no more jobs; what runs goes on for as long as their options say.
    void drain();
    // After drain(): hands back what still runs, now. From any thread.
    void hurry();
    // After drain(): returns when everything has ended.
    void finish();

 private:
    struct Ending {
        std::weak_ptr<Worker> worker;  // Gone when it has ended.
        runtime::Thread thread;
    };

    std::shared_ptr<Worker> running_;
    std::list<Ending> ending_;
};

}  // namespace millrace::worker
