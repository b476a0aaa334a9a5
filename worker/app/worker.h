// A whole worker: its parts (parts.h), and a thread for each of their steps.
//
// Threads:   one caller at a time, except for hurry() and for further calls of drain().
// Blocks:    start() while models load; finish() up to the drain's timeouts.
#pragma once

#include <memory>
#include <vector>

#include "worker/app/parts.h"

namespace millrace::worker {

class Worker {
 public:
    // Borrows the broker.
    Worker(storage::OpenStore open_store, broker::Broker& broker,
           std::vector<std::unique_ptr<backends::Backend>> backends, WorkerOptions options);
    ~Worker();

    // Loads the models and starts working. An error says what to change.
    Status start();

    // Takes no more jobs; running jobs continue for as long as the options allow. A further call,
    // or one after retire(), may bring the end forward but never delays it.
    void drain();
    // Like drain(), but running jobs may take as long as they need.
    void retire();
    // Call after drain() or retire(): hands back the running jobs now. May be called from any
    // thread.
    void hurry();
    // Call after drain() or retire(): returns when the drain is over and everything has ended.
    void finish();

 private:
    class Threads;

    Core core_;
    std::unique_ptr<Threads> threads_;  // Set by start().
};

}  // namespace millrace::worker
