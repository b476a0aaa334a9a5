// What may have to look at many jobs to find some: lists, counts, cancels and retries of all that
// match, and retries of many.
//
// A scan goes step by step, a statement that looks at `look_max` jobs each, and whoever waits comes
// in between: however much one client's filter passes over, another's costs what it did before. The
// narrow calls do not wait here at all (commands.h, job_reader.h).
//
// Threads:   all calls but step() and run() from any; step() and run() one caller at a time, from
//            which answers come.
// Errors:    kResourceExhausted (the queue is full), kUnavailable; kDeadlineExceeded: a list or a
//            count that found nothing to answer within `time_max`.
// Blocks:    step() and run(), as long as the store takes and until the given time.
#pragma once

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/events/announcer.h"
#include "producer/intake/job_service.h"
#include "producer/query/retries.h"

namespace millrace::gateway {

struct ScansOptions {
    int look_max = 2000;  // Jobs that one statement looks at for a filter.
    int batch_max = 500;  // Jobs that one statement cancels.
    // Jobs of one step of a retry; their specs are bounded by RetriesOptions, too.
    std::size_t retry_batch_max = 32;
    // How long after its first step a list or a count goes on looking; a retry by a filter, after
    // the first that it finds.
    milliseconds time_max{30000};
    // How long after the first that it finds a cancel by a filter stops.
    milliseconds cancel_time_max{10000};
    std::size_t queue_max = 20000;  // Scans that wait; more are refused.
};

class Scans {
 public:
    using Page = std::pair<std::vector<storage::JobRecord>, bool>;

    // `retries` works on `store` too.
    Scans(ScansOptions options, const Clock& clock, storage::JobStore& store, Announcer& announcer,
          Retries& retries);

    // The page is short, and says that there is more, where the time was over.
    void list(storage::JobFilter filter, Callback<Result<Page>> done);
    void count(storage::JobFilter filter, std::int64_t most, Callback<Result<std::int64_t>> done);
    void cancel_matching(storage::JobFilter filter, Callback<Result<CancelTotals>> done);
    void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done);
    void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done);

    // Goes a step further with whoever waits longest; waits for someone until `wait_until`. False:
    // there was nobody.
    bool step(MonoTime wait_until = MonoTime::min());

    // step() until close() was called and everyone is answered.
    void run();
    // Refuses scans from now on, and the rest of those under way.
    void close() { queue_.close(); }

 private:
    // Each goes on after `filter.after`.
    struct List {
        storage::JobFilter filter;  // `limit` is what is left of it.
        Callback<Result<Page>> done;
        bool must_find = false;  // Its time begins with the first that it finds.
        std::optional<MonoTime> until{};
        Page page{};
    };
    struct Count {
        storage::JobFilter filter;
        std::int64_t most;
        Callback<Result<std::int64_t>> done;
        std::optional<MonoTime> until{};
        std::int64_t so_far = 0;
    };
    struct CancelMatching {
        storage::JobFilter filter;  // `limit` is what is left of it.
        Callback<Result<CancelTotals>> done;
        MonoTime until = MonoTime::max();  // Set when the first is found.
        CancelTotals totals{};
    };
    struct Retry {
        std::vector<JobId> ids;  // What is left of them.
        Callback<Result<RetryPage>> done;
        RetryPage page{};

        // The first of what is left: they are answered, or get an error as their answer.
        void drop(std::size_t first);
        void fail(std::size_t first, const Error& error);
    };
    using Request = std::variant<List, Count, CancelMatching, Retry>;

    void enqueue(Request request);
    Error refusal() const;
    Error too_much() const;
    // Puts the rest behind those that wait; where that is refused, `stop` takes the reason.
    template <class Scan, class Stop>
    void go_on(Scan& scan, const Stop& stop);

    void serve(List& scan);
    void serve(Count& scan);
    void serve(CancelMatching& scan);
    void serve(Retry& scan);
    void take(Retry scan, std::size_t asked, const Result<RetryPage>& retried);
    // False: that was refused, and is answered.
    bool go_on(Retry scan);

    const ScansOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    Announcer& announcer_;
    Retries& retries_;
    runtime::BoundedQueue<Request> queue_;
};

}  // namespace millrace::gateway
