// Removes what is old: keys, workers, checkpoints and partitions; makes partitions ahead. All of it
// may take long, and nobody waits for it, so it has a thread and a store of its own.
//
// Nothing goes because of its age for an hour after PostgreSQL's clock stepped, or while nobody
// sees the clock: a step forward must not remove what is young.
//
// Threads:   one caller at a time.
// Blocks:    step(), for as long as the store takes for one page of each chore.
#pragma once

#include <functional>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "producer/keeper/duties.h"
#include "producer/keeper/keeper_options.h"

namespace millrace::keeper {

class Chores {
 public:
    // Whether PostgreSQL's clock was seen lately and has not stepped for this long.
    using AgesAreRight = std::function<bool(milliseconds steady_for)>;

    Chores(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
           AgesAreRight ages_are_right);

    // Runs one page of each chore that is due. Returns true if some chore has more to do at once.
    bool step();

 private:
    Result<Work> purged(Result<int> rows) const;
    Result<Work> purge_keys();
    Result<Work> rotate();

    const KeeperOptions options_;
    storage::JobStore& store_;
    const AgesAreRight ages_are_right_;
    Duties duties_;
    storage::KeyCursor keys_;  // How far the look at the keys has come.
};

}  // namespace millrace::keeper
