// A queued job that this worker has heard of and may claim, and where the message about it came
// from. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/uuid.h"
#include "common/job/job.h"
#include "common/job/priority.h"

namespace millrace::worker {

// One priority of one queue; worker/schedule/lanes.h has the table that LaneIndex points into.
struct LaneInfo {
    std::string queue;
    Priority priority = Priority::kNormal;
};
using LaneIndex = std::size_t;

// Position in the ModelTable's list of backends.
using BackendIndex = std::size_t;

// A message of the conveyor, as OffsetTracker counts them.
struct MessageRef {
    std::size_t partition = 0;
    std::int64_t offset = 0;
};

struct Candidate {
    JobId id;
    LaneIndex lane = 0;
    MessageRef message;
    // Both are absent where the message carries no spec: the store has to be asked.
    std::optional<JobSpec> spec;
    std::optional<BackendIndex> backend;
};

}  // namespace millrace::worker
