#include "worker/schedule/shares.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"

namespace millrace::schedule {

Shares::Shares(const std::vector<LaneShare>& lanes, std::size_t slots, ShareRules rules)
    : rules_(rules) {
    std::size_t weights = 0;
    for (const auto& lane : lanes) {
        CHECK(lane.weight >= 1);
        weights += static_cast<std::size_t>(lane.weight);
    }
    CHECK(weights > 0);
    for (const auto& lane : lanes) {
        lanes_.push_back(
            {.share = lane, .guaranteed = slots * static_cast<std::size_t>(lane.weight) / weights});
    }
}

std::optional<LaneIndex> Shares::pick(std::span<const std::size_t> waiting,
                                      std::span<const std::size_t> held) {
    const auto best = peek(waiting, held);
    if (!best) return best;
    // Guaranteed slots are free of charge: they must not reduce the lane's part of the others.
    if (!is_guaranteed(*best, held)) charge(*best, 1);
    got_slot(*best);
    return best;
}

std::optional<LaneIndex> Shares::peek(std::span<const std::size_t> waiting,
                                      std::span<const std::size_t> held) const {
    std::optional<LaneIndex> best;
    for (LaneIndex lane = 0; lane < lanes_.size(); ++lane) {
        if (waiting[lane] == 0) continue;
        if (!best || goes_before(lane, *best, held)) best = lane;
    }
    return best;
}

std::vector<LaneIndex> Shares::order(std::span<const std::size_t> held) const {
    std::vector<LaneIndex> lanes(lanes_.size());
    std::iota(lanes.begin(), lanes.end(), LaneIndex{0});
    std::stable_sort(lanes.begin(), lanes.end(),
                     [&](LaneIndex a, LaneIndex b) { return goes_before(a, b, held); });
    return lanes;
}

void Shares::charge(LaneIndex lane, std::size_t jobs) {
    if (jobs == 0) return;
    const double start = start_of(lane);
    virtual_time_ = start;
    lanes_[lane].finish = start + static_cast<double>(jobs) / lanes_[lane].share.weight;
    got_slot(lane);
}

void Shares::got_slot(LaneIndex lane) {
    lanes_[lane].is_favoured = false;
    lanes_[lane].waits_since.reset();
}

void Shares::age(std::span<const std::size_t> waiting, MonoTime now) {
    for (LaneIndex lane = 0; lane < lanes_.size(); ++lane) {
        auto& since = lanes_[lane].waits_since;
        if (waiting[lane] == 0) {
            since.reset();
        } else if (!since) {
            since = now;
        } else if (now - *since >= rules_.age_max) {
            favour(lane);
        }
    }
}

bool Shares::may_preempt(LaneIndex urgent, LaneIndex other,
                         std::span<const std::size_t> held) const {
    if (lanes_[urgent].share.rank >= lanes_[other].share.rank) return false;
    if (rules_.strict) return true;
    const auto due = std::max<std::size_t>(lanes_[urgent].guaranteed, 1);
    return held[urgent] < due && held[other] > lanes_[other].guaranteed;
}

std::size_t Shares::part(LaneIndex lane, std::span<const LaneIndex> others,
                         std::size_t slots) const {
    if (rules_.strict) return slots;
    std::size_t weights = static_cast<std::size_t>(lanes_[lane].share.weight);
    const auto own = weights;
    for (const auto other : others) {
        weights += static_cast<std::size_t>(lanes_[other].share.weight);
    }
    return (slots * own + weights - 1) / weights;
}

bool Shares::goes_before(LaneIndex a, LaneIndex b, std::span<const std::size_t> held) const {
    const int rank_a = lanes_[a].share.rank;
    const int rank_b = lanes_[b].share.rank;
    if (lanes_[a].is_favoured != lanes_[b].is_favoured) return lanes_[a].is_favoured;
    if (lanes_[a].is_favoured && rank_a != rank_b) return rank_a < rank_b;
    if (rules_.strict && rank_a != rank_b) return rank_a < rank_b;
    const bool guaranteed_a = is_guaranteed(a, held);
    if (guaranteed_a != is_guaranteed(b, held)) return guaranteed_a;
    const double start_a = start_of(a);
    const double start_b = start_of(b);
    if (start_a != start_b) return start_a < start_b;
    return rank_a < rank_b;
}

double Shares::start_of(LaneIndex lane) const {
    return std::max(virtual_time_, lanes_[lane].finish);
}

}  // namespace millrace::schedule
