// What the worker's threads hand over to a backend's own thread: batches to run, attempts to abort,
// and the order to stop. They come in no other way; everything else belongs to the backend's
// thread.
//
// Bounded by the contract of Backend::run: the caller keeps within the backend's slots.
//
// Threads:   thread-safe; only one thread calls take() and wait().
// Blocks:    wait(), up to its deadline.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "worker/backends/backend.h"

namespace millrace::backends {

class Inbox {
 public:
    struct Abort {
        AttemptKey key;
        AbortReason reason;
    };
    // Process the batches before the aborts: then an abort never comes before the job that it
    // aborts.
    struct Messages {
        std::vector<std::vector<Execution>> batches;
        std::vector<Abort> aborts;
        bool closed = false;  // Nothing comes after these messages.
    };

    // False if closed; the caller then keeps the batch.
    bool post(std::vector<Execution>& batch);
    void post(const Abort& abort);
    void close();

    // Takes all messages that have arrived, without waiting.
    Messages take();
    // Like take(), but first waits until a message arrives, the inbox is closed, or the deadline
    // passes.
    Messages wait(MonoTime deadline);

 private:
    Messages take_locked() REQUIRES(mutex_);
    bool has_news() const REQUIRES(mutex_) {
        return news_.closed || !news_.batches.empty() || !news_.aborts.empty();
    }

    Mutex mutex_;
    Condition changed_;
    Messages news_ GUARDED_BY(mutex_);
};

// Reports each job of a batch that came after stop(). For implementations of Backend::run.
void refuse(ExecutionSink& sink, const std::vector<Execution>& batch);

}  // namespace millrace::backends
