// Housekeeping: a table of duties. Each duty is one guarded statement per page, so any number of
// gateways may run it.
//
// A round begins with a read of the workers' pulses. The read proves that the store answers, times
// the workers' silence, and shows whether PostgreSQL's clock stepped. After such a step nothing is
// swept for one lease ttl, and running attempts get their whole time again before overdue ones are
// looked for. Jobs that a duty moved are passed on: queued ones to the dispatcher, final ones to
// their waiters.
//
// Threads:   one caller at a time.
// Blocks:    step(), for as long as the store takes for one page of each duty.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/storage/job_store.h"
#include "producer/dispatch/dispatcher.h"
#include "producer/events/announcer.h"
#include "producer/keeper/silence_watch.h"

namespace millrace::keeper {

struct KeeperOptions {
    milliseconds interval{1000};
    int page = 500;
    milliseconds deadline_grace{30000};
    milliseconds lease_ttl{30000};
    int losses_max = 3;
    std::chrono::seconds worker_retention{604800};
    storage::PartitionPolicy partitions;
    milliseconds hint_interval{1000};  // Between two hints about the lanes' ages.
    // A larger jump between PostgreSQL's clock and ours is a step.
    milliseconds clock_step_max{5000};
};

class Keeper {
 public:
    Keeper(KeeperOptions options, const Clock& clock, storage::JobStore& store,
           dispatch::Dispatcher& dispatcher, events::Announcer& announcer);

    // Runs one page of each duty that is due. Returns true if some duty has more to do at once.
    bool step();

 private:
    struct Work {
        bool led = true;       // False: another keeper did the work.
        std::size_t rows = 0;  // Moved, removed or created.
        bool more = false;     // The page was full.
    };
    struct Duty {
        std::string_view name;
        milliseconds interval;
        bool sweeps;  // Acts on the age of rows by PostgreSQL's clock.
        std::function<Result<Work>()> run;
        MonoTime due = MonoTime::min();
        bool failing = false;
    };

    bool run(Duty& duty);

    bool watch_workers();
    void watch_clock();
    Result<Work> end_overdue();
    Result<Work> rescue();
    Status mark_lost(bool in_outage);
    Result<Work> measure();
    Result<Work> hint();
    Result<Work> hand_on(Result<storage::DutyPage> page);
    Result<Work> purged(Result<int> rows) const;

    const KeeperOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    dispatch::Dispatcher& dispatcher_;
    events::Announcer& announcer_;

    std::vector<Duty> duties_;
    MonoTime watch_due_ = MonoTime::min();
    bool store_answers_ = true;
    SilenceWatch silence_;
    std::vector<SilentWorker> silent_;            // Not yet marked lost.
    std::optional<milliseconds> clock_distance_;  // PostgreSQL's clock minus ours.
    MonoTime sweep_from_ = MonoTime::min();       // No sweeps before this; set by a clock step.
    bool deadlines_are_off_ = false;              // The clock step made them wrong.
};

}  // namespace millrace::keeper
