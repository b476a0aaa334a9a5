// Jobs that are claimed and wait for a free slot of their backend, and the batches they make.
//
// A batch is formed at the moment a slot is free, around the job that waited longest: later jobs
// with its key join, up to the backend's limit. A job whose last attempt was lost with its worker
// runs alone, so that it takes nobody with it.
//
// Threads: one caller at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/backend.h"

namespace millrace::worker {

class BatchFormer {
 public:
    explicit BatchFormer(std::size_t batch_max) : batch_max_(batch_max) {}

    void add(Execution execution, std::string key) {
        ready_.push_back({std::move(execution), std::move(key)});
    }
    bool empty() const { return ready_.empty(); }

    // Requires: not empty.
    std::vector<Execution> take_batch();
    // Takes one out again; false when it is not here any more.
    bool remove(const AttemptKey& key);

 private:
    struct Ready {
        Execution execution;
        std::string key;
    };

    const std::size_t batch_max_;
    std::deque<Ready> ready_;
};

}  // namespace millrace::worker
