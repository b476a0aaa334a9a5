#include "worker/execute/stealer.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::worker {

using telemetry::Metric;

Stealer::Stealer(storage::JobStore& store, Executor& executor, const Lanes& lanes,
                 const ModelTable& models, const Clock& clock, Random& random,
                 StealerOptions options)
    : store_(store),
      executor_(executor),
      lanes_(lanes),
      models_(models),
      clock_(clock),
      random_(random),
      options_(options),
      lane_states_(lanes.lanes().size()),
      wanted_(models.backends().size(), true),
      next_period_(clock.now()) {
    for (auto& lane : lane_states_) lane.low_water.resize(models.backends().size());
}

Result<bool> Stealer::step(WorkerId worker, std::vector<Shares>& shares) {
    const auto now = clock_.now();
    if (now >= next_period_) begin_period(now);
    bool more = false;
    for (BackendIndex backend = 0; backend < wanted_.size(); ++backend) {
        if (!wanted_[backend]) continue;
        TRY(const bool backend_has_more, steal_for(backend, worker, shares[backend]));
        more = more || backend_has_more;
    }
    return more;
}

// A period and the age that makes a job worth stealing must fit into the bound together.
void Stealer::begin_period(MonoTime now) {
    std::fill(wanted_.begin(), wanted_.end(), true);
    for (auto& lane : lane_states_) {
        std::fill(lane.low_water.begin(), lane.low_water.end(), JobId());
    }
    const auto half = static_cast<double>(options_.bound.count()) / 2;
    next_period_ =
        now + milliseconds(static_cast<std::int64_t>(half * (0.7 + 0.6 * random_.unit())));
}

Result<bool> Stealer::steal_for(BackendIndex backend, WorkerId worker, Shares& shares) {
    const auto load = executor_.load();
    auto free = std::min({load.free, load.backends[backend].free, options_.batch_max});
    if (free == 0) return false;  // Still wanted: as soon as a slot is free.
    wanted_[backend] = false;

    const auto waiting = lanes_.waiting_for(backend);
    const bool is_idle = std::accumulate(waiting.begin(), waiting.end(), std::size_t{0}) == 0;
    if (!is_idle) free = std::max<std::size_t>(free / 4, 1);
    const auto order = shares.order(load.backends[backend].held);
    for (std::size_t i = 0; i < order.size() && free > 0; ++i) {
        const auto lane = order[i];
        const auto others = std::span(order).subspan(i + 1);
        const auto limit = shares.part(lane, others, free);
        TRY(const auto got, steal_lane(backend, lane, worker, limit, waiting[lane] > 0));
        shares.charge(lane, got);
        free -= got;
        if (got == limit) wanted_[backend] = true;
    }
    return wanted_[backend];
}

Result<std::size_t> Stealer::steal_lane(BackendIndex backend, LaneIndex lane, WorkerId worker,
                                        std::size_t limit, bool has_work) {
    // Long enough for a message to get here first, where messages flow.
    const auto flight = options_.bound / 8;
    auto& state = lane_states_[lane];
    const auto wait = milliseconds(static_cast<std::int64_t>(state.wait_ms));
    const auto& info = lanes_.lanes()[lane];
    const storage::StealRequest request{
        .queue = info.queue,
        .priority = info.priority,
        .models = models_.backends()[backend].models,
        .age_min = has_work ? std::max(wait + options_.margin, flight) : flight,
        .low_water = state.low_water[backend],
        .limit = static_cast<int>(limit)};
    const auto sent = clock_.now();
    TRY(auto jobs, store_.job_steal(worker, request));
    if (jobs.empty()) return std::size_t{0};

    telemetry::count<Metric::kJobsStolen>(static_cast<double>(jobs.size()));
    std::vector<Start> starts;
    starts.reserve(jobs.size());
    for (auto& job : jobs) {
        state.low_water[backend] = std::max(state.low_water[backend], job.key.job);
        starts.push_back({.job = std::move(job), .backend = backend, .lane = lane});
    }
    const auto got = starts.size();
    executor_.launch(worker, sent, std::move(starts));
    return got;
}

void Stealer::observe_wait(LaneIndex lane, milliseconds wait) {
    constexpr double kNewest = 0.2;
    auto& state = lane_states_[lane];
    const auto ms = static_cast<double>(std::max(wait, milliseconds(0)).count());
    state.wait_ms =
        std::exchange(state.observed, true) ? state.wait_ms + kNewest * (ms - state.wait_ms) : ms;
}

}  // namespace millrace::worker
