// A queued job that this worker received a message about and may claim, with the position of that
// message. Plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/uuid.h"
#include "common/job/job.h"
#include "common/job/priority.h"

namespace millrace::schedule {

// One priority of one queue. LaneIndex is a position in Lanes::lanes(), see
// worker/schedule/lanes.h.
struct LaneInfo {
    std::string queue;
    Priority priority = Priority::kNormal;
};
using LaneIndex = std::size_t;

// A position in the ModelTable's list of backends.
using BackendIndex = std::size_t;

// A message of the conveyor, as OffsetTracker identifies it.
struct MessageRef {
    std::size_t partition = 0;
    std::int64_t offset = 0;
};

struct Candidate {
    JobId id;
    LaneIndex lane = 0;
    MessageRef message;
    MonoTime arrived;
    // Both are absent if the message carries no spec; it must then be read from the store.
    std::optional<JobSpec> spec;
    std::optional<BackendIndex> backend;
    std::string batch_key;  // Set if there is a spec.
    // How often a younger job of its lane, or a batch that such a job leads, went before it.
    int passed_over = 0;
    // Once picked, the job gives way only to jobs that are more urgent than this. That is its own
    // priority; or, if more urgent jobs waited but its lane had its turn, the priority of the most
    // urgent of them.
    Priority standing = Priority::kHigh;
};

// A batch that has not started, and how many more jobs of its key may join it.
struct OpenBatch {
    std::string key;
    std::size_t room = 0;
    // It does not start yet, so a new batch may take its slot. Once full, it needs a slot itself.
    bool is_waiting = false;
};

// The room that one backend has for more jobs.
struct Room {
    std::size_t jobs = 0;     // In total.
    std::size_t batches = 0;  // New batches: jobs with the same key, up to batch_max.
    std::size_t batch_max = 1;
    std::vector<OpenBatch> open;
    std::vector<std::size_t> held;  // Jobs that it holds, by lane.

    // How many jobs may be claimed if their keys are not known.
    std::size_t jobs_of_any_key() const { return std::min(jobs, batches * batch_max); }
};

}  // namespace millrace::schedule
