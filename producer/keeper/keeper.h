// Keeps jobs going: looks after the workers' leases, and moves jobs whose time has come. Each duty
// is one guarded statement per page, so any number of gateways may run it.
//
// A round begins with a read of the workers' pulses. The read proves that the store answers, times
// the workers' silence, and shows whether PostgreSQL's clock stepped. After such a step nothing is
// swept for one lease ttl, and running attempts get their whole time again before overdue ones are
// looked for. Jobs that a duty moved are passed on: queued ones to the dispatcher, final ones to
// their waiters.
//
// What may take long is not here, but in Chores and Survey, on threads and stores of their own: a
// round that comes late restarts the silence of all workers.
//
// Threads:   one caller at a time, but for ages_are_right().
// Blocks:    step(), for as long as the store takes for one page of each duty.
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/storage/job_store.h"
#include "producer/dispatch/dispatcher.h"
#include "producer/events/announcer.h"
#include "producer/keeper/clock_watch.h"
#include "producer/keeper/duties.h"
#include "producer/keeper/keeper_options.h"
#include "producer/keeper/silence_watch.h"

namespace millrace::keeper {

class Keeper {
 public:
    Keeper(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
           dispatch::Dispatcher& dispatcher, events::Announcer& announcer);

    // Runs one page of each duty that is due. Returns true if some duty has more to do at once.
    bool step();

    // Whether PostgreSQL's clock was seen lately and has not stepped for this long. Thread-safe.
    bool ages_are_right(milliseconds steady_for) const;

 private:
    bool watch_workers();
    void watch_clock();
    bool may_sweep() const;
    Result<Work> end_overdue();
    Result<Work> rescue();
    Status mark_lost(bool in_outage);
    Result<Work> hand_on(Result<storage::DutyPage> page);

    const KeeperOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    dispatch::Dispatcher& dispatcher_;
    events::Announcer& announcer_;

    Duties duties_;
    MonoTime watch_due_ = MonoTime::min();
    bool store_answers_ = true;
    SilenceWatch silence_;
    std::vector<SilentWorker> silent_;  // Not yet marked lost.
    ClockWatch database_clock_;
    bool deadlines_are_off_ = false;  // A step of the clock made them wrong.
};

}  // namespace millrace::keeper
