// Looks at the lanes: measures them for the metrics, and sends workers hints about their ages.
//
// Both take longer the more jobs there are, and hints should come in time, so they have a thread
// and a store of their own.
//
// Threads:   one caller at a time.
// Blocks:    step(), for as long as the store takes.
#pragma once

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "producer/events/announcer.h"
#include "producer/keeper/duties.h"
#include "producer/keeper/keeper_options.h"

namespace millrace::keeper {

class Survey {
 public:
    Survey(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
           events::Announcer& announcer);

    // Does what is due. Returns true if there is more to do at once.
    bool step() { return duties_.step(true); }

 private:
    Result<Work> measure();
    Result<Work> hint();

    const KeeperOptions options_;
    storage::JobStore& store_;
    events::Announcer& announcer_;
    Duties duties_;
};

}  // namespace millrace::keeper
