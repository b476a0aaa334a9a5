// What the keeper, its chores and its survey go by.
#pragma once

#include <chrono>

#include "common/base/clock.h"
#include "common/storage/housekeeping.h"

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

}  // namespace millrace::keeper
