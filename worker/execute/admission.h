// A claimed job on its way into the executor: what the claim says about it, and what its backend
// says. The backend is asked here, before any lock is taken.
//
// Threads:   pure, apart from the backend.
// Blocks:    never.
#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "worker/backends/backend.h"
#include "worker/execute/attempt_table.h"
#include "worker/execute/batch_former.h"
#include "worker/schedule/candidate.h"

namespace millrace::execute {

// What Executor::launch() takes: a claimed job, and where it waited until then.
struct Start {
    ClaimedJob job;
    schedule::BackendIndex backend = 0;
    schedule::LaneIndex lane = 0;
    // When its message arrived. Absent: it counts as arriving now.
    std::optional<MonoTime> arrived;
    std::string batch_key;                // Empty: the backend gives it.
    Priority standing = Priority::kHigh;  // See Candidate.
};

struct Admission {
    Attempt attempt;
    BatchFormer::Arrival arrival;
};

// The job was claimed by `worker` with a statement sent at `claimed_at`.
Admission admission_of(Start start, const backends::Backend& backend, WorkerId worker,
                       MonoTime claimed_at, MonoTime now);

}  // namespace millrace::execute
