#include "worker/execute/batch_scheduler.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/check.h"

namespace millrace::execute {

BatchScheduler::BatchScheduler(const backends::BackendInfo& info,
                               const schedule::BatchOptions& options)
    : options_(options), former_(options, info), slots_(info.slots), free_slots_(info.slots) {
    CHECK(info.slots >= 1 && info.batch_max >= 1);
    std::iota(free_slots_.rbegin(), free_slots_.rend(), std::size_t{0});
}

schedule::Room BatchScheduler::room(MonoTime now,
                                    const std::vector<std::size_t>& held_by_lane) const {
    schedule::Room room{
        .batch_max = former_.jobs_max(), .open = former_.open(now), .held = held_by_lane};
    const auto soon_free = std::ranges::count_if(
        slots_, [&](const Slot& slot) { return slot.opens <= now && now < slot.closes; });
    const auto available = free_slots_.size() + static_cast<std::size_t>(soon_free);
    const auto ready = former_.batches(now);
    // A batch that waits leaves its slot to others, but at most one waits per slot.
    const auto batches_max = 2 * slots_.size();
    room.batches = std::min(available - std::min(available, ready.due),
                            batches_max - std::min(batches_max, ready.all));
    // Jobs beyond the slots wait for longer, so no job is claimed to join them.
    if (ready.due > available) room.open.clear();
    room.jobs = room.batches * room.batch_max;
    for (const auto& open : room.open) room.jobs += open.room;
    const auto held = std::accumulate(held_by_lane.begin(), held_by_lane.end(), std::size_t{0});
    room.jobs = std::min(room.jobs, held_max() - std::min(held_max(), held));
    return room;
}

// --- Batches ------------------------------------------------------------------------------------

std::optional<BatchScheduler::Batch> BatchScheduler::begin(MonoTime now) {
    if (free_slots_.empty()) return std::nullopt;
    auto batch = former_.take(now);
    if (!batch) return std::nullopt;
    const auto index = free_slots_.back();
    free_slots_.pop_back();
    auto& slot = slots_[index];
    slot = {.key = std::move(batch->key),
            .jobs = batch->jobs.size(),
            .unfinished = batch->jobs.size(),
            .starting = true,
            .late_stops = {},
            .started = now};
    if (claims_ahead()) predict_end(slot);
    return Batch{.slot = index, .jobs = std::move(batch->jobs)};
}

std::vector<BatchScheduler::Stop> BatchScheduler::begun(std::size_t index, MonoTime now) {
    auto& slot = slots_[index];
    slot.starting = false;
    if (slot.unfinished == 0) free(index, now);
    return std::exchange(slot.late_stops, {});
}

bool BatchScheduler::stop(std::size_t index, const Stop& stop) {
    auto& slot = slots_[index];
    if (slot.starting) slot.late_stops.push_back(stop);
    return !slot.starting;
}

bool BatchScheduler::finish(std::size_t index, bool completed, MonoTime now) {
    auto& slot = slots_[index];
    slot.all_completed = slot.all_completed && completed;
    if (--slot.unfinished > 0 || slot.starting) return false;
    free(index, now);
    return true;
}

void BatchScheduler::free(std::size_t index, MonoTime now) {
    auto& slot = slots_[index];
    std::optional<std::chrono::nanoseconds> took;
    if (slot.all_completed) took = now - slot.started;
    former_.ended(slot.key, slot.jobs, took, now);
    slot.opens = slot.closes = MonoTime::max();
    free_slots_.push_back(index);
    // Without claims ahead, its jobs keep their places until their outcomes are written.
    has_freed_ = claims_ahead();
}

void BatchScheduler::predict_end(Slot& slot) const {
    const auto ahead = options_.claim_ahead;
    const auto takes = former_.expected(slot.key, slot.jobs, ahead);
    if (!takes) return;
    slot.opens = slot.started + *takes - ahead;
    slot.closes = slot.started + *takes + ahead;
}

// --- Time ---------------------------------------------------------------------------------------

bool BatchScheduler::opened(MonoTime now) {
    bool opened = std::exchange(has_freed_, false) && !free_slots_.empty();
    for (auto& slot : slots_) {
        if (slot.has_opened || slot.opens > now) continue;
        slot.has_opened = true;
        opened = true;
    }
    return opened;
}

MonoTime BatchScheduler::next_change() const {
    auto next = free_slots_.empty() ? MonoTime::max() : former_.next_start();
    for (const auto& slot : slots_) {
        if (!slot.has_opened) next = std::min(next, slot.opens);
    }
    return next;
}

}  // namespace millrace::execute
