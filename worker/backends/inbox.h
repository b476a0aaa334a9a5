// What the worker's threads hand over to a backend's own thread: batches to run, attempts to abort,
// and the order to stop. The one queue of a backend; everything else it owns belongs to its thread.
//
// Bounded by the contract of Backend::run: the caller keeps within the backend's slots.
//
// Threads:   thread-safe; one thread takes and waits.
// Blocks:    wait(), up to its deadline.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "common/base/clock.h"
#include "worker/backends/backend.h"

namespace millrace::worker {

class Inbox {
 public:
    struct Abort {
        AttemptKey key;
        AbortReason reason;
    };
    // Take the batches before the aborts: an abort never comes before what it aborts.
    struct Messages {
        std::vector<std::vector<Execution>> batches;
        std::vector<Abort> aborts;
        bool closed = false;  // Nothing comes after these messages.
    };

    // False when closed; the batch is then left to the caller.
    bool post(std::vector<Execution>& batch);
    void post(const Abort& abort);
    void close();

    // Whatever has come, at once.
    Messages take();
    // As take(), but first waits until something comes, the inbox is closed, or the deadline.
    Messages wait(MonoTime deadline);

 private:
    Messages take_locked();
    bool has_news_locked() const {
        return news_.closed || !news_.batches.empty() || !news_.aborts.empty();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Messages news_;  // Guarded by mutex_.
};

// Reports each job of a batch that came after stop(). For Backend::run.
void refuse(ExecutionSink& sink, const std::vector<Execution>& batch);

}  // namespace millrace::worker
