// What this worker has heard of and not claimed yet: a small window of each lane, never the
// backlog.
//
// A lane keeps one first-in first-out buffer per backend, so that jobs for a busy model do not hold
// up their neighbours, and one for candidates whose spec has to be read first. What is picked makes
// whole batches: jobs of one batch key together, in their order; where batches are of one job, jobs
// of one key follow each other. Losing a candidate is harmless: its row stays queued and is found
// by stealing.
//
// Overflow: `buffer_max` is where the consumer stops asking for more (is_full); what is pushed
// beyond it is kept.
//
// Threads:   thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "worker/schedule/candidate.h"
#include "worker/schedule/shares.h"

namespace millrace::worker {

class Lanes {
 public:
    // Of a candidate whose spec is known.
    using BatchKeyOf = std::function<std::string(BackendIndex, const JobSpec&)>;

    Lanes(std::vector<LaneInfo> lanes, std::size_t backends, std::size_t buffer_max,
          BatchKeyOf batch_key_of);

    const std::vector<LaneInfo>& lanes() const { return lanes_; }
    std::size_t buffer_max() const { return buffer_max_; }

    // Gives those with a spec their batch key.
    void push(std::vector<Candidate> candidates);
    // What pick() or take_unread() gave, in its order, goes to the front again.
    void put_back(std::vector<Candidate> candidates);

    // Of one lane, all backends together.
    std::size_t waiting(LaneIndex lane) const;
    // Of one backend, per lane.
    std::vector<std::size_t> waiting_for(BackendIndex backend) const;
    // The same: when the one came that is next; nothing where none waits.
    std::vector<std::optional<MonoTime>> next_arrived_for(BackendIndex backend) const;
    // Of a job of the lane that starts now: see Candidate.
    Priority standing(BackendIndex backend, LaneIndex lane) const;

    // Candidates of one backend for which it has room, at most `max`, chosen by `shares`. Batches
    // that wait are filled up first. The lane whose turn it is leads each new one: with its oldest
    // whose key fills a batch, else with its oldest; but nobody is passed over more than three
    // times. Candidates with the same key follow, whichever lane's turn it is among those that have
    // any. Sets the standing of each.
    //
    // Where a batch is of one job, the lane whose turn it is gives, out of its next 64: the one
    // whose time to start or to live ends first, among those that have waited for half of it; else
    // one of the key that was picked before; else its oldest. Nobody is passed over more than 32
    // times. `database_time` as JobStore has it; 0: not known.
    std::vector<Candidate> pick(BackendIndex backend, Room room, std::size_t max, Shares& shares,
                                milliseconds database_time = {});
    // Up to `max` candidates without a spec, of the most urgent lanes first.
    std::vector<Candidate> take_unread(std::size_t max);
    // The next without a spec that is more urgent than all with one, or none: while there is no
    // room it may be the one to make room for.
    std::vector<Candidate> take_urgent_unread();

 private:
    using Buffer = std::deque<Candidate>;

    struct Pick;

    Buffer& buffer_of(const Candidate& candidate);
    std::vector<std::size_t> waiting_for_locked(BackendIndex backend) const;
    std::size_t pick_like_locked(const std::string& key, std::size_t max, Pick& pick);
    Priority standing_locked(BackendIndex backend, LaneIndex lane) const;
    void pick_singly_locked(std::size_t max, milliseconds database_time, Pick& pick);
    static std::string choose_key(Buffer& buffer, std::size_t batch_max);
    static std::size_t choose_next(const Buffer& buffer, const std::string& last_key,
                                   milliseconds database_time);
    static void take_like(Buffer& buffer, const std::string& key, std::size_t count,
                          std::vector<Candidate>& taken);

    const std::vector<LaneInfo> lanes_;
    const std::size_t backends_;
    const std::size_t buffer_max_;
    const BatchKeyOf batch_key_of_;

    mutable std::mutex mutex_;
    // Guarded by mutex_: per lane, a buffer per backend and a last one for the unread.
    std::vector<std::vector<Buffer>> buffers_;
    std::vector<std::string> last_keys_;  // By backend: of what was picked singly.
};

// The lanes of the queues, the most urgent priority first.
std::vector<LaneInfo> lanes_of(const std::vector<std::string>& queues);

}  // namespace millrace::worker
