#include "worker/execute/stealer.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

Stealer::Stealer(storage::JobStore& store, Executor& executor, const schedule::Lanes& lanes,
                 const consume::LaneHints& hints, const schedule::ModelTable& models,
                 const Clock& clock, Random& random, StealerOptions options)
    : store_(store),
      executor_(executor),
      lanes_(lanes),
      hints_(hints),
      models_(models),
      clock_(clock),
      random_(random),
      options_(options),
      lane_states_(lanes.lanes().size()),
      wanted_(models.backends().size(), true),
      next_round_(clock.now()) {
    for (auto& lane : lane_states_) lane.looks.resize(models.backends().size());
}

// A round is cheap if lanes pause or their hints say that they are young. Two sums fit into the
// bound. One is a round, a pause and the age that makes a job worth stealing. The other is that
// age, a round, and the time until the next hint comes or the last one is out of date.
Result<bool> Stealer::step(WorkerId worker, std::vector<schedule::Shares>& shares) {
    const auto now = clock_.now();
    if (now >= next_round_) {
        std::fill(wanted_.begin(), wanted_.end(), true);
        next_round_ = now + jittered(flight());
    }
    bool more = false;
    for (schedule::BackendIndex backend = 0; backend < wanted_.size(); ++backend) {
        if (!wanted_[backend]) continue;
        TRY(const bool backend_has_more, steal_for(backend, worker, shares[backend]));
        more = more || backend_has_more;
    }
    return more;
}

bool Stealer::hinted_younger(schedule::LaneIndex lane, milliseconds age) const {
    const auto oldest = hints_.oldest(lane, store_.database_time());
    return oldest && *oldest < age;
}

milliseconds Stealer::jittered(milliseconds duration) {
    const auto factor = 0.7 + 0.6 * random_.unit();
    return milliseconds(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
}

Result<bool> Stealer::steal_for(schedule::BackendIndex backend, WorkerId worker,
                                schedule::Shares& shares) {
    const auto load = executor_.load();
    auto free = std::min({load.free, load.backends[backend].jobs_of_any_key(), options_.batch_max});
    if (free == 0) return false;  // Still wanted, as soon as a slot is free.
    wanted_[backend] = false;

    const auto waiting = lanes_.waiting_for(backend);
    const auto next_arrived = lanes_.next_arrived_for(backend);
    const bool is_idle = std::accumulate(waiting.begin(), waiting.end(), std::size_t{0}) == 0;
    auto quota = is_idle ? free : std::max<std::size_t>(free / 4, 1);
    const auto order = shares.order(load.backends[backend].held);
    for (std::size_t i = 0; i < order.size() && std::min(free, quota) > 0; ++i) {
        const auto lane = order[i];
        const auto others = std::span(order).subspan(i + 1);
        const auto limit = shares.part(lane, others, std::min(free, quota));
        TRY(const auto got, steal_lane(backend, lane, worker, limit, next_arrived[lane]));
        shares.charge(lane, got);
        quota -= got;
        free -= got;
        // Jobs in hand have their turn before the lanes that follow.
        free -= std::min(free, waiting[lane]);
        if (got == limit) wanted_[backend] = true;
    }
    return wanted_[backend];
}

Result<std::size_t> Stealer::steal_lane(schedule::BackendIndex backend, schedule::LaneIndex lane,
                                        WorkerId worker, std::size_t limit,
                                        std::optional<MonoTime> next_arrived) {
    auto& state = lane_states_[lane];
    auto& look = state.looks[backend];
    const auto sent = clock_.now();
    auto age_min = flight();
    if (next_arrived) {
        age_min = std::max(age_min, wait_of(state, *next_arrived, sent) + options_.margin);
    }
    if (sent < look.pause_until || hinted_younger(lane, age_min)) return std::size_t{0};

    const auto& info = lanes_.lanes()[lane];
    const storage::StealRequest request{.queue = info.queue,
                                        .priority = info.priority,
                                        .models = models_.models_of(backend),
                                        .age_min = age_min,
                                        .low_water = look.low_water,
                                        .limit = static_cast<int>(limit)};
    telemetry::count<Metric::kStealProbes>();
    TRY(auto jobs, store_.job_steal(worker, request));
    const auto got = jobs.size();
    if (got < limit) look = {.pause_until = sent + jittered(options_.bound / 2)};
    if (got == 0) return got;

    telemetry::count<Metric::kJobsStolen>(got);
    const auto standing = lanes_.standing(backend, lane);
    std::vector<Start> starts;
    starts.reserve(got);
    for (auto& job : jobs) {
        if (got == limit) look.low_water = std::max(look.low_water, job.key.job);
        starts.push_back(
            {.job = std::move(job), .backend = backend, .lane = lane, .standing = standing});
    }
    executor_.launch(worker, sent, std::move(starts));
    return got;
}

void Stealer::observe_wait(schedule::LaneIndex lane, MonoTime arrived, milliseconds wait) {
    constexpr double kNewest = 0.2;
    auto& state = lane_states_[lane];
    const auto now = clock_.now();
    const auto expected = static_cast<double>(wait_of(state, arrived, now).count());
    const auto ms = static_cast<double>(std::max(wait, milliseconds(0)).count());
    state.wait_ms = expected + kNewest * (ms - expected);
    state.observed = now;
}

milliseconds Stealer::wait_of(const LaneState& lane, MonoTime arrived, MonoTime now) const {
    const auto since = now - std::max(arrived, lane.observed);
    return milliseconds(static_cast<std::int64_t>(lane.wait_ms)) +
           std::chrono::duration_cast<milliseconds>(since);
}

}  // namespace millrace::execute
