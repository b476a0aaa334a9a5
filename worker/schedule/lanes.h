// What this worker has heard of and not claimed yet: a small window of each lane, never the
// backlog.
//
// A lane keeps one first-in first-out buffer per backend, so that jobs for a busy model do not hold
// up their neighbours, and one for candidates whose spec has to be read first. Losing a candidate
// is harmless: its row stays queued and is found by stealing.
//
// Overflow: `buffer_max` is where the consumer stops asking for more (is_full); what is pushed
// beyond it is kept.
//
// Threads:   thread-safe.
#pragma once

#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "worker/schedule/candidate.h"
#include "worker/schedule/shares.h"

namespace millrace::worker {

class Lanes {
 public:
    Lanes(std::vector<LaneInfo> lanes, std::size_t backends, std::size_t buffer_max);

    const std::vector<LaneInfo>& lanes() const { return lanes_; }
    std::size_t buffer_max() const { return buffer_max_; }

    void push(std::vector<Candidate> candidates);
    // What pick() or take_unread() gave, in its order, goes to the front again.
    void put_back(std::vector<Candidate> candidates);

    // Of one lane, all backends together.
    std::size_t waiting(LaneIndex lane) const;
    // Of one backend, per lane.
    std::vector<std::size_t> waiting_for(BackendIndex backend) const;

    // Up to `max` candidates of one backend, chosen by `shares`. `held`: its slots, per lane.
    std::vector<Candidate> pick(BackendIndex backend, std::size_t max, Shares& shares,
                                std::vector<std::size_t> held);
    // Up to `max` candidates without a spec, of the most urgent lanes first.
    std::vector<Candidate> take_unread(std::size_t max);

 private:
    using Buffer = std::deque<Candidate>;

    Buffer& buffer_of(const Candidate& candidate);
    std::vector<std::size_t> waiting_for_locked(BackendIndex backend) const;

    const std::vector<LaneInfo> lanes_;
    const std::size_t backends_;
    const std::size_t buffer_max_;

    mutable std::mutex mutex_;
    // Guarded by mutex_: per lane, a buffer per backend and a last one for the unread.
    std::vector<std::vector<Buffer>> buffers_;
};

// The lanes of the queues, the most urgent priority first.
std::vector<LaneInfo> lanes_of(const std::vector<std::string>& queues);

}  // namespace millrace::worker
