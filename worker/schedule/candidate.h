// A queued job that this worker has heard of and may claim, and where the message about it came
// from. Plain values.
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
    MonoTime arrived;
    // Both are absent where the message carries no spec: the store has to be asked.
    std::optional<JobSpec> spec;
    std::optional<BackendIndex> backend;
    std::string batch_key;  // Where there is a spec.
    int passed_over = 0;    // By younger ones of its lane, or batches that they led.
    // Once picked it gives way only to jobs more urgent than this: its own priority, or that of the
    // most urgent ones that it was picked before, in its lane's turn.
    Priority standing = Priority::kHigh;
};

// A batch that has not started, and how many more jobs of its key may join.
struct OpenBatch {
    std::string key;
    std::size_t room = 0;
    // It would start by itself later, so that a new batch may take its slot; not once it is full.
    bool is_waiting = false;
};

// What one backend has room for.
struct Room {
    std::size_t jobs = 0;     // All together.
    std::size_t batches = 0;  // New ones, each of one key and of up to batch_max jobs.
    std::size_t batch_max = 1;
    std::vector<OpenBatch> open;
    std::vector<std::size_t> held;  // Jobs that it has, by lane.

    // Jobs whose keys are not known.
    std::size_t jobs_of_any_key() const { return std::min(jobs, batches * batch_max); }
};

}  // namespace millrace::worker
