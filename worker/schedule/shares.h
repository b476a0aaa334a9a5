// Decides whose turn it is: which lane the next free slot goes to.
//
// Every lane is guaranteed its share of the slots, rounded down: a lane that has work and holds
// less goes first. What is left over, and what others do not use, is lent by start-time fair
// queueing (Goyal, Vin, Cheng 1996): starts in proportion to the weights, and a lane that was idle
// gets no credit for it. So with few slots the shares are shares of starts.
//
// In strict mode a lane of higher rank always goes first, and fairness is kept within a rank.
//
// In both modes a lane that has had work for `age_max` and got no slot meanwhile goes before all
// others, once; so does one that is favoured.
//
// Threads: one caller at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "worker/schedule/candidate.h"

namespace millrace::worker {

struct LaneShare {
    int weight = 1;  // >= 1
    int rank = 0;    // 0 is the most urgent.
};

struct ShareRules {
    bool strict = false;
    milliseconds age_max{600'000};
};

class Shares {
 public:
    // Requires: at least one lane.
    Shares(const std::vector<LaneShare>& lanes, std::size_t slots, ShareRules rules);

    // The lane that gets the next slot, charged for it; nothing where no lane has work. Both spans
    // have one entry per lane: jobs that wait, and slots held.
    std::optional<LaneIndex> pick(std::span<const std::size_t> waiting,
                                  std::span<const std::size_t> held);
    // The lane that pick() would choose, not charged.
    std::optional<LaneIndex> peek(std::span<const std::size_t> waiting,
                                  std::span<const std::size_t> held) const;

    // All lanes, the one whose turn it is first, for those who learn only by asking which has work.
    std::vector<LaneIndex> order(std::span<const std::size_t> held) const;
    // The lane goes before all others until it has got a slot; of several, the most urgent first.
    void favour(LaneIndex lane) { lanes_[lane].is_favoured = true; }
    // To be told regularly which lanes have work: favours those that have waited for `age_max`.
    void age(std::span<const std::size_t> waiting, MonoTime now);
    // Whether a job of `urgent` that waits may stop one of `other` that runs. Only where that is of
    // a lower rank, and but for strict mode, only for what is guaranteed to `urgent`, or its first
    // slot, and out of what `other` has borrowed.
    bool may_preempt(LaneIndex urgent, LaneIndex other, std::span<const std::size_t> held) const;

    // `jobs` of a lane that pick() did not choose got a slot.
    void charge(LaneIndex lane, std::size_t jobs);

    // Of `slots`, what the lane may take while the lanes `others` may have work too.
    std::size_t part(LaneIndex lane, std::span<const LaneIndex> others, std::size_t slots) const;

 private:
    struct Lane {
        LaneShare share;
        std::size_t guaranteed = 0;
        double finish = 0;  // Virtual time at which its last borrowed start is paid for.
        bool is_favoured = false;
        std::optional<MonoTime> waits_since;  // Since it has work, or got its last slot.
    };

    bool goes_before(LaneIndex a, LaneIndex b, std::span<const std::size_t> held) const;
    bool is_guaranteed(LaneIndex lane, std::span<const std::size_t> held) const {
        return held[lane] < lanes_[lane].guaranteed;
    }
    double start_of(LaneIndex lane) const;
    void got_slot(LaneIndex lane);

    const ShareRules rules_;
    std::vector<Lane> lanes_;
    double virtual_time_ = 0;
};

}  // namespace millrace::worker
