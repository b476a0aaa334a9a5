// Decides whose turn it is: which lane gets the next free slot.
//
// Every lane is guaranteed its share of the slots, rounded down: a lane that has work and holds
// fewer goes first. The slots left over, and those that other lanes do not use, are lent by
// start-time fair queueing (Goyal, Vin, Cheng 1996): starts are in proportion to the weights, and a
// lane gets no credit for having been idle. With few slots, therefore, the shares are shares of
// starts.
//
// In strict mode a lane of higher rank always goes first; shares apply within a rank.
//
// In both modes a lane that has had work for `age_max` without getting a slot goes before all
// others once. So does a lane that is favoured.
//
// Threads: one caller at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "worker/schedule/candidate.h"

namespace millrace::schedule {

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

    // Returns the lane that gets the next slot, and charges it; nothing if no lane has work. Both
    // spans have one entry per lane: jobs waiting, and slots held.
    std::optional<LaneIndex> pick(std::span<const std::size_t> waiting,
                                  std::span<const std::size_t> held);
    // Returns the lane that pick() would choose, without charging it.
    std::optional<LaneIndex> peek(std::span<const std::size_t> waiting,
                                  std::span<const std::size_t> held) const;

    // All lanes, the one whose turn it is first. For callers who learn which lanes have work only
    // by asking.
    std::vector<LaneIndex> order(std::span<const std::size_t> held) const;
    // The lane goes before all others until it gets a slot. Among several such, the most urgent is
    // first.
    void favour(LaneIndex lane) { lanes_[lane].is_favoured = true; }
    // Call regularly with the number of waiting jobs by lane: favours lanes that have waited for
    // `age_max`.
    void age(std::span<const std::size_t> waiting, MonoTime now);
    // Whether a waiting job of `urgent` may stop a running job of `other`. `other` must be of a
    // lower rank. Outside strict mode, `urgent` must also hold fewer slots than it is guaranteed
    // (at least one), and `other` more than it is guaranteed.
    bool may_preempt(LaneIndex urgent, LaneIndex other, std::span<const std::size_t> held) const;

    // `jobs` of a lane that pick() did not choose got slots.
    void charge(LaneIndex lane, std::size_t jobs);

    // The part of `slots` that the lane may take while the lanes `others` may have work too.
    std::size_t part(LaneIndex lane, std::span<const LaneIndex> others, std::size_t slots) const;

 private:
    struct Lane {
        LaneShare share;
        std::size_t guaranteed = 0;
        double finish = 0;  // Virtual time at which its last borrowed start is paid for.
        bool is_favoured = false;
        std::optional<MonoTime> waits_since;  // Since it has had work, or since its last slot.
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

}  // namespace millrace::schedule
