// The calls that may have to look at many jobs to find a few: lists, counts, cancels and retries of
// all matches, and retries of many jobs.
//
// A scan proceeds in steps. Each is one statement that looks at up to `look_max` jobs, and the
// waiting scans take turns. So however many jobs one client's filter skips, the scans of others
// cost what they did before. The narrow calls never wait here (commands.h, job_reader.h).
//
// Threads:   all calls but step() and run() from any; step() and run() one caller at a time, on
//            whose thread answers come.
// Errors:    kResourceExhausted (the queue is full), kUnavailable; kDeadlineExceeded: a list or a
//            count found nothing to answer within `time_max`.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/commands/retries.h"
#include "producer/events/announcer.h"
#include "producer/service/job_scans.h"

namespace millrace::scans {

struct ScansOptions {
    int look_max = 2000;  // Jobs that a statement looks at for a filter.
    int batch_max = 500;  // Jobs that a statement cancels.
    // Jobs per step of a retry; RetriesOptions limits their specs too.
    std::size_t retry_batch_max = 32;
    // How long a list or a count keeps looking after its first step. For a retry by a filter the
    // time begins with its first match.
    milliseconds time_max{30000};
    // How long a cancel by a filter continues after its first match.
    milliseconds cancel_time_max{10000};
    std::size_t queue_max = 20000;  // Waiting scans; more are refused.
};

class Scans final : public service::JobScans {
 public:
    Scans(ScansOptions options, const Clock& clock, storage::JobStore& store,
          events::Announcer& announcer, commands::Retries& retries);

    // If time runs out, the page is short and says that there is more.
    void list(storage::JobFilter filter, service::Callback<Result<service::JobList>> done) override;
    void count(storage::JobFilter filter, std::int64_t most,
               service::Callback<Result<std::int64_t>> done) override;
    void retry(std::vector<JobId> ids, service::Callback<Result<service::RetryPage>> done) override;
    void retry_matching(storage::JobFilter filter,
                        service::Callback<Result<service::RetryPage>> done) override;
    void cancel_matching(storage::JobFilter filter,
                         service::Callback<Result<service::CancelTotals>> done) override;

    // Continues the scan that has waited longest by one step; waits for one until `wait_until`.
    // Returns false if there was none.
    bool step(MonoTime wait_until = MonoTime::min());

    // Calls step() until close() was called and every scan is answered.
    void run();
    // Refuses new scans from now on, and the remaining steps of those under way.
    void close() { queue_.close(); }

 private:
    // Scans with a filter continue after `filter.after`.
    struct List {
        storage::JobFilter filter;  // `limit` is what remains of it.
        service::Callback<Result<service::JobList>> done;
        bool must_find = false;  // Its time begins with its first match.
        std::optional<MonoTime> until{};
        service::JobList page{};
    };
    struct Count {
        storage::JobFilter filter;
        std::int64_t most;
        service::Callback<Result<std::int64_t>> done;
        std::optional<MonoTime> until{};
        std::int64_t so_far = 0;
    };
    struct CancelMatching {
        storage::JobFilter filter;  // `limit` is what remains of it.
        service::Callback<Result<service::CancelTotals>> done;
        MonoTime until = MonoTime::max();  // Set at the first match.
        service::CancelTotals totals{};
    };
    struct Retry {
        std::vector<JobId> ids;  // Those that remain.
        service::Callback<Result<service::RetryPage>> done;
        service::RetryPage page{};

        // Both act on the first ids that remain: drop() removes them as answered, fail() answers
        // them with an error.
        void drop(std::size_t first);
        void fail(std::size_t first, const Error& error);
    };
    using Request = std::variant<List, Count, CancelMatching, Retry>;

    void enqueue(Request request);
    Error too_much() const;
    // Queues the rest behind the waiting scans. If that is refused, `stop` receives the reason.
    template <class Scan, class Stop>
    void go_on(Scan& scan, const Stop& stop);

    void serve(List& scan);
    void serve(Count& scan);
    void serve(CancelMatching& scan);
    void serve(Retry& scan);
    void take(Retry scan, std::size_t asked, const Result<service::RetryPage>& retried);
    // Returns false if there was no room to continue; the call is answered then.
    bool go_on(Retry scan);

    const ScansOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    events::Announcer& announcer_;
    commands::Retries& retries_;
    runtime::BoundedQueue<Request> queue_;
};

}  // namespace millrace::scans
