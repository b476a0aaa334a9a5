// The rarer calls: lists, counts, cancels, retries, the state of queues and workers, readiness, new
// models. One after the other, but for cancels, which are joined.
//
// Threads:   all calls but step() and run() from any; step() and run() one caller at a time, from
//            which answers come.
// Errors:    kNotFound, kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), as long as the store takes and until the given time.
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
#include "producer/events/announcer.h"
#include "producer/intake/job_service.h"
#include "producer/query/database_clock.h"
#include "producer/query/model_registry.h"
#include "producer/query/retries.h"

namespace millrace::gateway {

struct CommandsOptions {
    std::size_t batch_max = 500;  // Cancels in one statement.
    int look_max = 2000;          // Open jobs that one statement looks at for a filter.
    // How long after the first that it finds a cancel by a filter stops.
    milliseconds cancel_time_max{10000};
    std::size_t queue_max = 20000;  // Calls that wait; more are refused.
    milliseconds cache_max{1000};   // How old an answer about queues, workers or readiness may be.
    milliseconds model_interval{1000};  // How often models are looked up.
    milliseconds lease_ttl{30000};  // A worker that is silent for longer does not count as live.
};

class Commands {
 public:
    using Page = std::pair<std::vector<storage::JobRecord>, bool>;

    Commands(CommandsOptions options, const Clock& clock, storage::JobStore& store,
             Announcer& announcer, Retries& retries, ModelRegistry& models,
             DatabaseClock& database_clock, std::function<Status()> check_schema);

    void list(storage::JobFilter filter, Callback<Result<Page>> done);
    void count(storage::JobFilter filter, std::int64_t most, Callback<Result<std::int64_t>> done);
    void cancel(JobId id, Callback<Result<storage::JobRecord>> done);
    // Page by page; other calls come in between.
    void cancel_matching(storage::JobFilter filter, Callback<Result<CancelTotals>> done);
    void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done);
    void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done);
    void lanes(Callback<Result<std::vector<storage::LaneStats>>> done);
    void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done);
    void readiness(Callback<Readiness> done);
    // Answers within the call where the registry knows it, else after the next look at the store;
    // true where nobody can tell: that look fails, or too many wait for it.
    void model_known(std::string queue, std::string model, Callback<bool> done);

    // Looks up models when it is time, and serves who waits; waits for someone until `wait_until`,
    // at most until models are due. False: there was nothing to do.
    bool step(MonoTime wait_until = MonoTime::min());

    // step() until close() was called and everyone is answered.
    void run();
    // Refuses calls from now on.
    void close() { queue_.close(); }

 private:
    struct List {
        storage::JobFilter filter;
        Callback<Result<Page>> done;
    };
    struct Count {
        storage::JobFilter filter;
        std::int64_t most;
        Callback<Result<std::int64_t>> done;
    };
    struct Retry {
        std::vector<JobId> ids;
        Callback<Result<RetryPage>> done;
    };
    struct RetryMatching {
        storage::JobFilter filter;
        Callback<Result<RetryPage>> done;
    };
    struct Cancel {
        JobId id;
        Callback<Result<storage::JobRecord>> done;
    };
    struct CancelMatching {
        storage::JobFilter filter;  // Goes on after `filter.after`; `limit` is what is left of it.
        Callback<Result<CancelTotals>> done;
        MonoTime until = MonoTime::max();  // Set when the first is found.
        CancelTotals totals{};
    };
    struct Lanes {
        Callback<Result<std::vector<storage::LaneStats>>> done;
    };
    struct Workers {
        Callback<Result<std::vector<storage::WorkerRecord>>> done;
    };
    struct Ready {
        Callback<Readiness> done;
    };
    struct Model {
        std::string queue;
        std::string model;
        Callback<bool> done;
    };
    using Request = std::variant<List, Count, Cancel, CancelMatching, Retry, RetryMatching, Lanes,
                                 Workers, Ready, Model>;

    template <class T>
    struct Cached {
        std::optional<T> value;
        MonoTime read_at = MonoTime::min();
    };

    void enqueue(Request request);
    static void refuse(Request& request, const Error& error);
    Error refusal() const;

    void serve(List& request);
    void serve(Count& request);
    void serve(Retry& request);
    void serve(RetryMatching& request);
    void serve(Cancel& request) { cancels_.push_back(std::move(request)); }
    void serve(CancelMatching& request);
    void serve(Lanes& request);
    void serve(Workers& request);
    void serve(Ready& request);
    void serve(Model& request);

    void serve_cancels(const std::vector<Cancel>& cancels);
    Result<std::vector<storage::JobRecord>> cancel_all(const std::vector<JobId>& ids);
    void announce(const std::vector<storage::CancelledJob>& jobs);
    void look_up_models();
    Readiness assess();
    Result<std::vector<storage::WorkerRecord>> read_workers();
    template <class T, class Read>
    Result<T> cached(Cached<T>& cache, Read read);

    const CommandsOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    Announcer& announcer_;
    Retries& retries_;
    ModelRegistry& models_;
    DatabaseClock& database_clock_;
    const std::function<Status()> check_schema_;
    runtime::BoundedQueue<Request> queue_;

    // Only the caller of step():
    std::vector<Cancel> cancels_;      // Of this step.
    std::vector<Model> model_misses_;  // Wait for the next look.
    MonoTime models_due_ = MonoTime::min();
    Cached<std::vector<storage::LaneStats>> lanes_;
    Cached<std::vector<storage::WorkerRecord>> workers_;
    Cached<Readiness> readiness_;
};

}  // namespace millrace::gateway
