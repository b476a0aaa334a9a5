// Schedules the batches of one backend: its slots, the batches in them, and the jobs that wait. It
// decides when a batch starts and in which slot, and for how many more jobs there is room. It knows
// what the backend says about itself, and never calls it.
//
// Jobs are claimed for free slots, and for those expected to be free soon: from `claim_ahead`
// before the end that the cost line predicts until `claim_ahead` after it. No jobs are claimed
// ahead if predictions miss by more than that. So a slot finds its next batch ready when it becomes
// free, and hardly any job is claimed only to wait. Backends that run jobs one by one get no jobs
// ahead, because the time that a job takes there cannot be predicted.
//
// Threads:   one caller at a time (the executor, under its lock).
// Blocks:    never.
// Errors:    none.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/backends/backend.h"
#include "worker/execute/batch_former.h"

namespace millrace::execute {

class BatchScheduler {
 public:
    // Borrows the options. The info is that of a backend that has been started.
    BatchScheduler(const backends::BackendInfo& info, const schedule::BatchOptions& options);
    BatchScheduler(const BatchScheduler&) = delete;

    // The maximum number of jobs that run at a time, and that are held. The latter include jobs
    // claimed ahead and those that are settling.
    std::size_t jobs_max() const { return slots_.size() * former_.jobs_max(); }
    std::size_t held_max() const { return jobs_max() * (claims_ahead() ? 2 : 1); }

    // --- Jobs that wait ---
    void add(BatchFormer::Arrival arrival, MonoTime now) { former_.add(std::move(arrival), now); }
    // Removes a waiting job; false if it does not wait any more.
    bool remove(const AttemptKey& key) { return former_.remove(key); }
    // The room for claims at `now`; `held_by_lane` counts the jobs of each lane that are held.
    schedule::Room room(MonoTime now, const std::vector<std::size_t>& held_by_lane) const;

    // --- Batches ---
    struct Batch {
        std::size_t slot = 0;
        std::vector<backends::Execution> jobs;
    };
    // The batch that starts now, if there is one, in a slot of its own.
    std::optional<Batch> begin(MonoTime now);
    // Backend::run has returned. Returns the stops that had to wait for that.
    struct Stop {
        AttemptKey key;
        backends::AbortReason reason;
    };
    std::vector<Stop> begun(std::size_t slot, MonoTime now);
    // Stops a job in this slot. True if the backend may be called now; otherwise begun() returns
    // the stop.
    bool stop(std::size_t slot, const Stop& stop);
    // One job of the batch is over. True if that frees the slot.
    bool finish(std::size_t slot, bool completed, MonoTime now);

    // --- Time ---
    // Whether a slot became free, or is about to be, since the last call, so that jobs may be
    // claimed for it.
    bool opened(MonoTime now);
    // When begin() or opened() has something new, if nothing happens before.
    MonoTime next_change() const;

 private:
    // A place for one batch in the backend.
    struct Slot {
        std::string key;
        std::size_t jobs = 0;
        std::size_t unfinished = 0;
        bool all_completed = true;
        // Backend::run has not returned: an abort now might come before the job that it aborts.
        bool starting = false;
        std::vector<Stop> late_stops;
        MonoTime started;
        // When it begins and ceases to count as free soon; MonoTime::max() if its end is not
        // predictable.
        MonoTime opens = MonoTime::max();
        MonoTime closes = MonoTime::max();
        bool has_opened = false;
    };

    bool claims_ahead() const { return former_.jobs_max() > 1 && options_.claim_ahead.count() > 0; }
    void predict_end(Slot& slot) const;
    void free(std::size_t index, MonoTime now);

    const schedule::BatchOptions& options_;
    BatchFormer former_;
    std::vector<Slot> slots_;
    std::vector<std::size_t> free_slots_;
    bool has_freed_ = false;  // Not reported by opened() yet.
};

}  // namespace millrace::execute
