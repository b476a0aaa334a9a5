// One backend as the executor sees it: its slots, the batches in them, and the jobs that wait.
//
// Jobs are claimed for slots that are free, and for those that are expected to be free soon, from
// `claim_ahead` before until `claim_ahead` after the end that the cost line predicts; not at all
// where predictions miss by more than that. So a slot that frees finds its next batch ready, and
// hardly anyone is claimed to stand in line. Backends that run jobs one by one get no jobs ahead:
// what runs there takes as long as it likes.
//
// Threads: one caller at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/backend.h"
#include "worker/execute/batch_former.h"

namespace millrace::worker {

class Station {
 public:
    // Borrows both. The backend has been started.
    Station(Backend& backend, const BatchOptions& options, std::size_t lanes);

    Backend& backend() const { return backend_; }
    const BackendInfo& info() const { return info_; }
    // Jobs that run at a time at most, and that are held with those ahead and those that are
    // settling.
    std::size_t slots() const { return info_.slots * former_.jobs_max(); }
    std::size_t held_max() const { return slots() * (claims_ahead() ? 2 : 1); }

    // --- Jobs that are held ---
    void add(BatchFormer::Arrival arrival, LaneIndex lane, MonoTime now);
    // Of those that wait; false when it is not among them any more.
    bool remove(const AttemptKey& key) { return former_.remove(key); }
    // One that was added, whatever became of it, is not held any more.
    void release(LaneIndex lane);
    std::size_t held() const { return held_total_; }

    // What may be claimed now.
    Room room(MonoTime now) const;

    // --- Batches ---
    struct Batch {
        std::size_t slot = 0;
        std::vector<Execution> jobs;
    };
    // The batch that starts now, if there is one, in a slot of its own.
    std::optional<Batch> begin(MonoTime now);
    // Backend::run has returned: the stops that had to wait for that.
    struct Stop {
        AttemptKey key;
        AbortReason reason;
    };
    std::vector<Stop> begun(std::size_t slot, MonoTime now);
    // Of a job in this slot. True when the backend may hear of it now, else begun() returns it.
    bool stop(std::size_t slot, const Stop& stop);
    // One job of the batch is over. True when that frees the slot.
    bool finish(std::size_t slot, bool completed, MonoTime now);

    // --- Time ---
    // Whether, since this was last asked, a slot became free or about to be: jobs may be claimed
    // for it.
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
        // Backend::run has not returned: an abort now might come before what it aborts.
        bool starting = false;
        std::vector<Stop> late_stops;
        MonoTime started;
        // When it counts as free soon, and when no more; neither where its end is not predictable.
        MonoTime opens = MonoTime::max();
        MonoTime closes = MonoTime::max();
        bool has_opened = false;
    };

    bool claims_ahead() const { return former_.jobs_max() > 1 && options_.claim_ahead.count() > 0; }
    void predict_end(Slot& slot) const;
    void free(std::size_t index, MonoTime now);

    Backend& backend_;
    const BackendInfo info_;
    const BatchOptions& options_;
    BatchFormer former_;
    std::vector<Slot> slots_;
    std::vector<std::size_t> free_slots_;
    bool has_freed_ = false;         // Not told by opened() yet.
    std::vector<std::size_t> held_;  // By lane.
    std::size_t held_total_ = 0;
};

}  // namespace millrace::worker
