// Takes queued jobs straight from the store: those whose message was lost, is stuck behind a slow
// consumer, or never was. What bounds the wait of every job without any help from the conveyor.
//
// Once a period (and again as long as there is more) each lane is asked for jobs that are older
// than they should be, unless a keeper's hint of late says that none is that old: an idle fleet
// asks nothing. Where this worker has nothing of the lane in hand, that is older than the
// flight of a message; where it has, older than the jobs it gets from there, by a margin: a lane
// with a long backlog is not probed job by job. A worker with jobs in hand gives the stolen at
// most a quarter of its free slots, or one; and none of a lane whose turn comes after those jobs.
//
// Threads:   one caller at a time.
// Blocks:    step(), in calls of the store.
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/storage/job_store.h"
#include "worker/consume/lane_hints.h"
#include "worker/execute/executor.h"
#include "worker/schedule/lanes.h"
#include "worker/schedule/model_table.h"
#include "worker/schedule/shares.h"

namespace millrace::worker {

struct StealerOptions {
    milliseconds bound{2000};   // Longest that a queued job waits for an idle worker.
    milliseconds margin{1000};  // Beyond its lane's wait, where the lane has other work.
    std::size_t batch_max = 500;
};

class Stealer {
 public:
    Stealer(storage::JobStore& store, Executor& executor, const Lanes& lanes,
            const LaneHints& hints, const ModelTable& models, const Clock& clock, Random& random,
            StealerOptions options);

    // Steals where it is due. `shares` has one entry per backend. True when a lane gave all that it
    // was asked for: there may be more.
    Result<bool> step(WorkerId worker, std::vector<Shares>& shares);

    // A job that came by message, `arrived` here, had waited this long when it was claimed.
    void observe_wait(LaneIndex lane, MonoTime arrived, milliseconds wait);

 private:
    // What one backend knows of a lane.
    struct Look {
        JobId low_water;       // Jobs below it were taken since the last pause.
        MonoTime pause_until;  // It had nothing more.
    };
    struct LaneState {
        double wait_ms = 0;  // Moving average, as of the last observation.
        MonoTime observed;
        std::vector<Look> looks;  // By backend.
    };

    Result<bool> steal_for(BackendIndex backend, WorkerId worker, Shares& shares);
    // How many of `limit` it got. `next_arrived`: of the job of the lane that is next by message.
    Result<std::size_t> steal_lane(BackendIndex backend, LaneIndex lane, WorkerId worker,
                                   std::size_t limit, std::optional<MonoTime> next_arrived);
    // What a job that is next by message has waited by now. It ages with those that run: where that
    // takes long, it is older than the last one was.
    milliseconds wait_of(const LaneState& lane, MonoTime arrived, MonoTime now) const;
    bool hinted_younger(LaneIndex lane, milliseconds age) const;
    // 0.7 to 1.3 times as long, so that not all idle workers reach for the same job.
    milliseconds jittered(milliseconds duration);
    // Long enough for a message to get here first, where messages flow.
    milliseconds flight() const { return options_.bound / 8; }

    storage::JobStore& store_;
    Executor& executor_;
    const Lanes& lanes_;
    const LaneHints& hints_;
    const ModelTable& models_;
    const Clock& clock_;
    Random& random_;
    const StealerOptions options_;

    std::vector<LaneState> lane_states_;
    std::vector<bool> wanted_;  // Per backend: this round's steal is still to be done.
    MonoTime next_round_;
};

}  // namespace millrace::worker
