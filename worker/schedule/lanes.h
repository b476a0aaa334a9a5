// The jobs that this worker has received messages about and not claimed yet: a small window of each
// lane, never the backlog.
//
// A lane has one FIFO buffer per backend, so that jobs for a busy model do not hold up others. One
// more buffer holds the candidates whose spec must be read first. Candidates are picked in whole
// batches: jobs of one batch key together, in their order. If batches are of one job, jobs of one
// key follow each other. Losing a candidate is harmless: its row stays queued, and stealing finds
// it.
//
// Overflow: at `buffer_max` jobs in a lane the consumer stops asking for more. What is pushed
// beyond that is kept.
//
// Threads:   thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "common/base/mutex.h"
#include "worker/schedule/candidate.h"
#include "worker/schedule/shares.h"

namespace millrace::schedule {

class Lanes {
 public:
    // The batch key of a candidate whose spec is known.
    using BatchKeyOf = std::function<std::string(BackendIndex, const JobSpec&)>;

    Lanes(std::vector<LaneInfo> lanes, std::size_t backends, std::size_t buffer_max,
          BatchKeyOf batch_key_of);

    const std::vector<LaneInfo>& lanes() const { return lanes_; }
    std::size_t buffer_max() const { return buffer_max_; }

    // Sets the batch key of each candidate that has a spec.
    void push(std::vector<Candidate> candidates);
    // Returns what pick() or take_unread() gave to the front, in the same order.
    void put_back(std::vector<Candidate> candidates);

    // The number of candidates in one lane, for all backends and without a spec.
    std::size_t waiting(LaneIndex lane) const;
    // The number of candidates of one backend, by lane.
    std::vector<std::size_t> waiting_for(BackendIndex backend) const;
    // For each lane, when the backend's next candidate arrived; nothing if none waits.
    std::vector<std::optional<MonoTime>> next_arrived_for(BackendIndex backend) const;
    // The standing (see Candidate) of a job of the lane that starts now.
    Priority standing(BackendIndex backend, LaneIndex lane) const;

    // Picks candidates for which the backend has room, at most `max`, by `shares`. It first fills
    // up the open batches. The lane whose turn it is leads each new batch: with its oldest
    // candidate whose key fills a batch, otherwise with its oldest. No candidate is passed over
    // more than three times. Candidates with the same key follow, from the lanes that have some, as
    // their turns come. Sets the standing of each.
    //
    // If a batch is of one job, the lane whose turn it is gives one of its next 64: among those
    // that have waited for at least half of their time to start or to live, the one whose time ends
    // first; otherwise one of the key that was picked before; otherwise its oldest. No candidate is
    // passed over more than 32 times. `database_time` is as in JobStore; 0: unknown.
    std::vector<Candidate> pick(BackendIndex backend, Room room, std::size_t max, Shares& shares,
                                milliseconds database_time = {});
    // Takes up to `max` candidates without a spec, from the most urgent lanes first.
    std::vector<Candidate> take_unread(std::size_t max);
    // Takes the next candidate without a spec, if it is more urgent than all that have one;
    // otherwise none. While there is no room, this may be the job to make room for.
    std::vector<Candidate> take_urgent_unread();

 private:
    using Buffer = std::deque<Candidate>;

    struct Pick;

    Buffer& buffer_of(const Candidate& candidate) REQUIRES(mutex_);
    std::vector<std::size_t> waiting_for_locked(BackendIndex backend) const REQUIRES(mutex_);
    std::size_t pick_like(const std::string& key, std::size_t max, Pick& pick) REQUIRES(mutex_);
    Priority standing_locked(BackendIndex backend, LaneIndex lane) const REQUIRES(mutex_);
    void pick_singly(std::size_t max, milliseconds database_time, Pick& pick) REQUIRES(mutex_);
    static std::string choose_key(Buffer& buffer, std::size_t batch_max);
    static std::size_t choose_next(const Buffer& buffer, const std::string& last_key,
                                   milliseconds database_time);
    static void take_like(Buffer& buffer, const std::string& key, std::size_t count,
                          std::vector<Candidate>& taken);

    const std::vector<LaneInfo> lanes_;
    const std::size_t backends_;
    const std::size_t buffer_max_;
    const BatchKeyOf batch_key_of_;

    mutable Mutex mutex_;
    // For each lane: one buffer per backend, and a last one for those without a spec.
    std::vector<std::vector<Buffer>> buffers_ GUARDED_BY(mutex_);
    // By backend: the last key that was picked singly.
    std::vector<std::string> last_keys_ GUARDED_BY(mutex_);
};

// The lanes of the queues, the most urgent priority first.
std::vector<LaneInfo> lanes_of(const std::vector<std::string>& queues);

}  // namespace millrace::schedule
