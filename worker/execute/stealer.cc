#include "worker/execute/stealer.h"

#include <algorithm>
#include <functional>
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
    for (auto& lane : lane_states_) lane.views.resize(models.backends().size());
}

// A round is cheap while the lanes pause, or hints say that none has old jobs. The bound on a job's
// wait must hold each of two sums: a round, a pause, and the age at which a job may be stolen; and
// that age, a round, and the time until the next hint arrives or the last one expires.
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
        TRY(const auto got, steal_lane({backend, lane, worker}, limit, next_arrived[lane]));
        shares.charge(lane, got);
        quota -= got;
        free -= got;
        // Jobs in hand have their turn before the lanes that follow.
        free -= std::min(free, waiting[lane]);
        if (got == limit) wanted_[backend] = true;
    }
    return wanted_[backend];
}

Result<std::size_t> Stealer::steal_lane(Place place, std::size_t limit,
                                        std::optional<MonoTime> next_arrived) {
    auto age_min = flight();
    if (next_arrived) {
        const auto wait = wait_of(lane_states_[place.lane], *next_arrived, clock_.now());
        age_min = std::max(age_min, wait + options_.margin);
    }
    std::size_t got = 0;
    for (const auto& [model, age] : due_models(place, age_min)) {
        if (got == limit) break;
        TRY(const auto more, steal_model(place, model, age_min, limit - got));
        got += more;
    }
    return got;
}

std::vector<Stealer::DueModel> Stealer::due_models(Place place, milliseconds age_min) {
    auto models = models_.models_of(place.backend);
    if (models.empty()) return {};
    auto& turn = lane_states_[place.lane].views[place.backend].turn;
    turn = (turn + 1) % models.size();
    std::rotate(models.begin(), models.begin() + static_cast<std::ptrdiff_t>(turn), models.end());

    const auto now = store_.database_time();
    std::vector<DueModel> due;
    for (auto& model : models) {
        const auto age = hints_.oldest(place.lane, std::span(&model, 1), now);
        if (age && *age < age_min) continue;
        due.push_back({std::move(model), age.value_or(milliseconds::max())});
    }
    std::ranges::stable_sort(due, std::greater(), &DueModel::age);
    return due;
}

Result<std::size_t> Stealer::steal_model(Place place, const std::string& model,
                                         milliseconds age_min, std::size_t limit) {
    // A transaction that inserts jobs may commit as much later than its jobs count from.
    constexpr std::chrono::seconds kCommitMax{1};
    auto& look = lane_states_[place.lane].views[place.backend].looks[model];
    const auto sent = clock_.now();
    if (sent < look.pause_until) return std::size_t{0};

    const auto& info = lanes_.lanes()[place.lane];
    const storage::StealRequest request{.queue = info.queue,
                                        .priority = info.priority,
                                        .model = model,
                                        .age_min = age_min,
                                        .queued_from = look.queued_from,
                                        .limit = static_cast<int>(limit),
                                        .bytes_max = options_.bytes_max};
    telemetry::count<Metric::kStealProbes>();
    TRY(auto stolen, store_.job_steal(place.worker, request));
    const auto got = stolen.jobs.size();
    if (stolen.is_cut) wanted_[place.backend] = true;
    if (got < limit && !stolen.is_cut) {
        look = {.queued_from = {}, .pause_until = sent + jittered(options_.bound / 2)};
    } else if (stolen.queued_last) {
        look.queued_from = std::max(look.queued_from, *stolen.queued_last - kCommitMax);
    }
    if (got == 0) return got;

    telemetry::count<Metric::kJobsStolen>(got);
    const auto standing = lanes_.standing(place.backend, place.lane);
    std::vector<Start> starts;
    starts.reserve(got);
    for (auto& job : stolen.jobs) {
        starts.push_back({.job = std::move(job),
                          .backend = place.backend,
                          .lane = place.lane,
                          .standing = standing});
    }
    executor_.launch(place.worker, sent, std::move(starts));
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
