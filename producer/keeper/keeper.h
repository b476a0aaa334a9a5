// Housekeeping: a table of duties, each one guarded statement a page, so that any number of
// gateways may run it.
//
// Before the duties of a round it reads the workers' pulses. That proves the store answers, times
// the workers' silence, and shows whether PostgreSQL's clock stepped: after that nothing is swept
// for one ttl, and attempts that run get their whole time anew before the overdue are looked for.
// What a duty moved is handed on: queued jobs to the dispatcher, final ones to those who wait.
//
// Threads:   one caller at a time.
// Blocks:    step(), as long as the store takes for a page of each duty.
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

namespace millrace::gateway {

struct KeeperOptions {
    milliseconds interval{1000};
    int page = 500;
    milliseconds deadline_grace{30000};
    milliseconds lease_ttl{30000};
    int losses_max = 3;
    std::chrono::seconds worker_retention{604800};
    storage::PartitionPolicy partitions;
    milliseconds hint_interval{1000};   // Of what workers are told of the lanes' ages.
    milliseconds clock_step_max{5000};  // Further apart, PostgreSQL's clock and ours have stepped.
};

class Keeper {
 public:
    Keeper(KeeperOptions options, const Clock& clock, storage::JobStore& store,
           Dispatcher& dispatcher, Announcer& announcer);

    // One page of each duty that is due. True: some duty has more to do at once.
    bool step();

 private:
    struct Work {
        bool led = true;       // False: another keeper did it.
        std::size_t rows = 0;  // Moved, removed or made.
        bool more = false;     // The page was full.
    };
    struct Duty {
        std::string_view name;
        milliseconds interval;
        bool sweeps;  // Acts by the age of rows, by PostgreSQL's clock.
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
    Dispatcher& dispatcher_;
    Announcer& announcer_;

    std::vector<Duty> duties_;
    MonoTime watch_due_ = MonoTime::min();
    bool store_answers_ = true;
    SilenceWatch silence_;
    std::vector<SilentWorker> silent_;            // Not marked lost yet.
    std::optional<milliseconds> clock_distance_;  // PostgreSQL's clock less ours.
    MonoTime sweep_from_ = MonoTime::min();       // After a step of the clock.
    bool deadlines_are_off_ = false;              // By that step.
};

}  // namespace millrace::gateway
