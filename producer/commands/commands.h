// The rarer and cheap calls: a cancel or a retry of one job, the workers, readiness, new models.
// They are served one after the other, except that cancels are joined. Anything that may look at
// many jobs belongs to scans.h.
//
// Threads:   all calls but step() and run() from any; step() and run() one caller at a time, on
//            whose thread answers come.
// Errors:    kNotFound, kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/commands/retries.h"
#include "producer/events/announcer.h"
#include "producer/reads/database_clock.h"
#include "producer/reads/model_registry.h"
#include "producer/service/fleet.h"
#include "producer/service/job_commands.h"

namespace millrace::commands {

struct CommandsOptions {
    std::size_t batch_max = 500;        // Cancels per statement.
    std::size_t queue_max = 20000;      // Waiting calls; more are refused.
    milliseconds cache_max{1000};       // The maximum age of an answer about workers or readiness.
    milliseconds model_interval{1000};  // Between two lookups of models.
    milliseconds lease_ttl{30000};      // A worker that is silent for longer is not live.
};

class Commands final : public service::JobCommands, public service::Fleet {
 public:
    Commands(CommandsOptions options, const Clock& clock, storage::JobStore& store,
             events::Announcer& announcer, Retries& retries, reads::ModelRegistry& models,
             reads::DatabaseClock& database_clock, std::function<Status()> check_schema);

    void cancel(JobId id, service::Callback<Result<storage::JobRecord>> done) override;
    void retry(JobId id, service::Callback<Result<service::RetryPage>> done) override;

    void workers(service::Callback<Result<std::vector<storage::WorkerRecord>>> done) override;
    void readiness(service::Callback<service::Readiness> done) override;
    // Answers within the call if the registry knows the model, otherwise after the next lookup in
    // the store; true if that lookup fails or too many calls wait for it.
    void model_known(std::string queue, std::string model, service::Callback<bool> done) override;
    const std::vector<std::string>& queues() const override { return models_.queues(); }
    std::vector<std::string> models(const std::string& queue) const override {
        return models_.models(queue);
    }
    bool has_worker(const std::string& queue, const std::string& model) const override {
        return models_.has_worker(queue, model);
    }
    storage::DbTime database_now() const override { return database_clock_.now(); }

    // Looks up models when it is time, and serves the waiting calls. Waits for one until
    // `wait_until`, or until the next lookup of models if that is sooner. Returns false if there
    // was nothing to do.
    bool step(MonoTime wait_until = MonoTime::min());

    // Calls step() until close() was called and every call is answered.
    void run();
    // Refuses calls from now on.
    void close() { queue_.close(); }

 private:
    struct Retry {
        JobId id;
        service::Callback<Result<service::RetryPage>> done;
    };
    struct Cancel {
        JobId id;
        service::Callback<Result<storage::JobRecord>> done;
    };
    struct Workers {
        service::Callback<Result<std::vector<storage::WorkerRecord>>> done;
    };
    struct Ready {
        service::Callback<service::Readiness> done;
    };
    struct Model {
        std::string queue;
        std::string model;
        service::Callback<bool> done;
    };
    using Request = std::variant<Cancel, Retry, Workers, Ready, Model>;

    template <class T>
    struct Cached {
        std::optional<T> value;
        MonoTime read_at = MonoTime::min();
    };

    // Returns false if the request was refused.
    bool enqueue(Request request);
    static void refuse(Request& request, const Error& error);

    void serve(Retry& request);
    void serve(Cancel& request) { cancels_.push_back(std::move(request)); }
    void serve(Workers& request);
    void serve(Ready& request);
    void serve(Model& request);

    void serve_cancels(const std::vector<Cancel>& cancels);
    Result<std::vector<storage::JobRecord>> cancel_all(const std::vector<JobId>& ids);
    void look_up_models();
    service::Readiness assess();
    Result<std::vector<storage::WorkerRecord>> read_workers();
    template <class T, class Read>
    Result<T> cached(Cached<T>& cache, Read read);

    const CommandsOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    events::Announcer& announcer_;
    Retries& retries_;
    reads::ModelRegistry& models_;
    reads::DatabaseClock& database_clock_;
    const std::function<Status()> check_schema_;
    runtime::BoundedQueue<Request> queue_;

    // Only the caller of step():
    std::vector<Cancel> cancels_;      // Collected in this step.
    std::vector<Model> model_misses_;  // Waiting for the next lookup.
    MonoTime models_due_ = MonoTime::min();
    Cached<std::vector<storage::WorkerRecord>> workers_;
    Cached<service::Readiness> readiness_;
};

}  // namespace millrace::commands
