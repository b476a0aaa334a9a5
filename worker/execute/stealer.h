// Takes queued jobs straight from the store: those whose message was lost, is stuck behind a slow
// consumer, or never existed. This bounds the wait of every job, without any help from the
// conveyor.
//
// Once per period (and again while there is more) the stealer asks the store for jobs of each lane
// and model that have waited for longer than expected, unless a recent hint of a keeper says that
// none has: an idle fleet asks nothing. The model whose jobs have waited longest comes first; if
// nobody knows, each has its turn. If this worker has no job of the lane in hand, the expected wait
// is the time that a message takes. If it has some, it is their age plus a margin, so that a lane
// with a long backlog is not probed job by job. A worker with jobs in hand gives stolen jobs at
// most a quarter of its free slots, or one, and no slot to a lane whose turn comes after those
// jobs.
//
// Threads:   one caller at a time.
// Blocks:    step(), in calls of the store.
#pragma once

#include <map>
#include <optional>
#include <string>
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

namespace millrace::execute {

struct StealerOptions {
    milliseconds bound{2000};   // Longest time that a queued job waits for an idle worker.
    milliseconds margin{1000};  // Added to the wait of a lane's jobs, if this worker has some.
    std::size_t batch_max = 500;
    std::size_t bytes_max = std::size_t{64} << 20;  // Of the specs that one statement reads.
};

class Stealer {
 public:
    Stealer(storage::JobStore& store, Executor& executor, const schedule::Lanes& lanes,
            const consume::LaneHints& hints, const schedule::ModelTable& models, const Clock& clock,
            Random& random, StealerOptions options);

    // Steals what is due. `shares` has one entry per backend. True if a lane gave as many jobs as
    // were asked for: there may be more.
    Result<bool> step(WorkerId worker, std::vector<schedule::Shares>& shares);

    // A job whose message arrived here at `arrived` had waited for `wait` when it was claimed.
    void observe_wait(schedule::LaneIndex lane, MonoTime arrived, milliseconds wait);

 private:
    // What was found for a model in a lane.
    struct Look {
        storage::DbTime queued_from;  // Jobs queued before were taken since the last pause.
        MonoTime pause_until;         // The lane had no more jobs.
    };
    // A backend's view of a lane.
    struct View {
        std::map<std::string, Look> looks;  // By model.
        std::size_t turn = 0;               // Of the models whose ages are unknown.
    };
    struct LaneState {
        double wait_ms = 0;  // Moving average, as of the last observation.
        MonoTime observed;
        std::vector<View> views;  // By backend.
    };
    struct DueModel {
        std::string model;
        milliseconds age;  // Of its oldest job; the longest time if it is unknown.
    };
    // Where a steal takes place.
    struct Place {
        schedule::BackendIndex backend;
        schedule::LaneIndex lane;
        WorkerId worker;
    };

    Result<bool> steal_for(schedule::BackendIndex backend, WorkerId worker,
                           schedule::Shares& shares);
    // Returns how many jobs it stole, at most `limit`. `next_arrived`: when the message of the
    // lane's next job arrived.
    Result<std::size_t> steal_lane(Place place, std::size_t limit,
                                   std::optional<MonoTime> next_arrived);
    Result<std::size_t> steal_model(Place place, const std::string& model, milliseconds age_min,
                                    std::size_t limit);
    // The models that may have jobs of that age, in the order in which they are asked for.
    std::vector<DueModel> due_models(Place place, milliseconds age_min);
    // The present wait of the job that is next by message. It grows while jobs run: if that takes
    // long, the job is older than the last one was.
    milliseconds wait_of(const LaneState& lane, MonoTime arrived, MonoTime now) const;
    // 0.7 to 1.3 times `duration`, so that not all idle workers steal at the same time.
    milliseconds jittered(milliseconds duration);
    // Long enough for a message to arrive here first, if messages flow.
    milliseconds flight() const { return options_.bound / 8; }

    storage::JobStore& store_;
    Executor& executor_;
    const schedule::Lanes& lanes_;
    const consume::LaneHints& hints_;
    const schedule::ModelTable& models_;
    const Clock& clock_;
    Random& random_;
    const StealerOptions options_;

    std::vector<LaneState> lane_states_;
    std::vector<bool> wanted_;  // By backend: this round's steal is still to be done.
    MonoTime next_round_;
};

}  // namespace millrace::execute
