// What there is to run jobs: queues, models, workers, and how much waits for them.
//
// Threads: see callback.h.
// Errors:  kUnavailable, kResourceExhausted (a bounded queue is full): try again.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"

namespace millrace::service {

struct Readiness {
    bool store_commits = false;
    bool workers_consume = false;  // At least one live worker.
    bool schema_current = false;
    std::string detail;  // For people: what is missing.
};

class Fleet {
 public:
    virtual ~Fleet() = default;

    virtual void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) = 0;
    virtual void readiness(Callback<Readiness> done) = 0;
    // Whether a model is configured or known to some worker of the queue. An unknown model may have
    // been announced a moment ago, so this looks again, at most once a second, before it says no.
    virtual void model_known(std::string queue, std::string model, Callback<bool> done) = 0;

    // The following answer from memory.

    virtual const std::vector<std::string>& queues() const = 0;
    virtual std::vector<std::string> models(const std::string& queue) const = 0;
    // Whether a worker that takes jobs serves the model; if none does, its jobs wait. The answer is
    // up to a second old; true if it is unknown.
    virtual bool has_worker(const std::string& queue, const std::string& model) const = 0;
    // An estimate of PostgreSQL's clock, for `run_at` and for ages in answers.
    virtual storage::DbTime database_now() const = 0;
};

// The jobs that wait and run in each lane.
class Lanes {
 public:
    virtual ~Lanes() = default;

    virtual void lanes(Callback<Result<std::vector<storage::LaneStats>>> done) = 0;
};

}  // namespace millrace::service
