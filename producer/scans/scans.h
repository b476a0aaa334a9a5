// The calls that may have to look at many jobs to find a few: lists, counts, cancels and retries of
// all matches, and retries of many jobs.
//
// A scan proceeds in steps. Each is one statement that looks at up to `look_max` jobs. Steps of new
// scans alternate with those of the scans under way, which take turns. So however many jobs the
// filters of others skip, a scan whose first step finds its answer waits only for the new ones that
// came before. Each scan ends in time; it has one step at least, so that repeated calls make
// progress. The narrow calls never wait here (commands.h, job_reader.h).
//
// Threads:   all calls but step() and run() from any; step() and run() one caller at a time, on
//            whose thread answers come.
// Errors:    kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
#pragma once

#include <deque>
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
    // After this time since the call no further step begins; a cancel that has found jobs continues
    // for longer.
    milliseconds time_max{500};
    milliseconds cancel_time_max{10000};
    std::size_t queue_max = 20000;  // Scans that wait, and scans under way; more are refused.
};

class Scans final : public service::JobScans {
 public:
    Scans(ScansOptions options, const Clock& clock, storage::JobStore& store,
          events::Announcer& announcer, commands::Retries& retries);

    void list(storage::JobFilter filter, service::Callback<Result<service::JobList>> done) override;
    void count(storage::JobFilter filter, std::int64_t most,
               service::Callback<Result<service::JobCount>> done) override;
    void retry(std::vector<JobId> ids, service::Callback<Result<service::RetryPage>> done) override;
    void retry_matching(storage::JobFilter filter,
                        service::Callback<Result<service::RetryPage>> done) override;
    void cancel_matching(storage::JobFilter filter,
                         service::Callback<Result<service::CancelTotals>> done) override;

    // Continues one scan by one step; waits for one until `wait_until`. Returns false if there was
    // none.
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
        MonoTime since;
        service::JobList page{};
    };
    struct Count {
        storage::JobFilter filter;
        std::int64_t most;
        service::Callback<Result<service::JobCount>> done;
        MonoTime since;
        service::JobCount so_far{};
    };
    struct CancelMatching {
        storage::JobFilter filter;  // `limit` is what remains of it.
        service::Callback<Result<service::CancelTotals>> done;
        MonoTime since;
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
    std::optional<Request> next_request(MonoTime wait_until);
    bool is_over(MonoTime since, milliseconds time_max) const {
        return clock_.now() >= since + time_max;
    }
    // Lets the scan continue when its turn comes. If that is refused, `stop` receives the reason.
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
    // Only the caller of step():
    std::deque<Request> under_way_;
    bool new_ones_turn_ = true;
};

}  // namespace millrace::scans
