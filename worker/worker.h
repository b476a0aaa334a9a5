// One worker, whole: its parts (parts.h), and a thread for each of their steps.
//
// Threads:   one caller at a time, but for hurry() and a further drain().
// Blocks:    start(), while models load; finish(), up to the drain's timeouts.
#pragma once

#include <memory>
#include <vector>

#include "worker/parts.h"

namespace millrace::worker {

class Worker {
 public:
    // Borrows the broker.
    Worker(storage::OpenStore open_store, broker::Broker& broker,
           std::vector<std::unique_ptr<Backend>> backends, WorkerOptions options);
    ~Worker();

    // Loads the models and begins to work. An error says what to change.
    Status start();

    // Takes no more jobs; what runs goes on, for as long as the options say. Again, or after
    // retire(): sooner, where that is sooner.
    void drain();
    // The same, but what runs may take its time.
    void retire();
    // After either: hands back what still runs, now. From any thread.
    void hurry();
    // After either: returns when the drain is over and everything has ended.
    void finish();

 private:
    class Threads;

    Core core_;
    std::unique_ptr<Threads> threads_;  // From start() on.
};

}  // namespace millrace::worker
