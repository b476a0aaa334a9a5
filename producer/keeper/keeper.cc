#include "producer/keeper/keeper.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/job/job_state.h"
#include "common/telemetry/telemetry.h"

namespace millrace::keeper {

using telemetry::Metric;
using telemetry::Seconds;

namespace {

constexpr milliseconds kPurgeInterval = std::chrono::minutes(1);
constexpr milliseconds kRotateInterval = std::chrono::hours(1);
constexpr milliseconds kMeasureInterval = std::chrono::seconds(5);
constexpr std::size_t kHintsMax = 1000;  // Pairs of a lane and a model in one message.

}  // namespace

Keeper::Keeper(KeeperOptions options, const Clock& clock, storage::JobStore& store,
               dispatch::Dispatcher& dispatcher, events::Announcer& announcer)
    : options_(options),
      clock_(clock),
      store_(store),
      dispatcher_(dispatcher),
      announcer_(announcer),
      silence_({options.lease_ttl, std::max(options.lease_ttl / 3, options.interval * 2)}) {
    const auto page = options_.page;
    const auto sweep = [this](std::string_view name, std::function<Result<Work>()> run) {
        duties_.push_back({name, options_.interval, true, std::move(run)});
    };
    const auto chore = [this](std::string_view name, milliseconds interval,
                              std::function<Result<Work>()> run) {
        duties_.push_back({name, interval, false, std::move(run)});
    };
    sweep("release", [=, this] { return hand_on(store_.keeper_release(page)); });
    sweep("expire", [=, this] { return hand_on(store_.keeper_expire(page)); });
    chore("overdue", options_.interval, [this] { return end_overdue(); });
    sweep("rescue", [this] { return rescue(); });
    chore("idempotency", kPurgeInterval, [=, this] {
        return purged(store_.idempotency_purge(options_.partitions.retention, page));
    });
    chore("workers", kPurgeInterval,
          [=, this] { return purged(store_.worker_purge(options_.worker_retention, page)); });
    chore("partitions", kRotateInterval, [this]() -> Result<Work> {
        TRY(const int n, store_.partition_rotate(options_.partitions));
        return Work{true, static_cast<std::size_t>(n), false};
    });
    chore("measure", kMeasureInterval, [this] { return measure(); });
    chore("hint", options_.hint_interval, [this] { return hint(); });
}

bool Keeper::step() {
    if (clock_.now() >= watch_due_ && !watch_workers()) return false;
    bool more = false;
    for (auto& duty : duties_) {
        const auto now = clock_.now();
        if (now < duty.due || (duty.sweeps && now < sweep_from_)) continue;
        more = run(duty) || more;
    }
    return more;
}

bool Keeper::run(Duty& duty) {
    const auto start = clock_.now();
    const auto work = duty.run();
    telemetry::observe<Metric::kKeeperSeconds>(clock_.now() - start, duty.name);
    if (!work) {
        duty.due = start + options_.interval;
        telemetry::count<Metric::kKeeperErrors>(1, duty.name);
        if (!std::exchange(duty.failing, true)) {
            log_warning("a keeper duty fails; it is tried again",
                        {{"duty", duty.name}, {"reason", work.error().message}});
        }
        return false;
    }
    if (std::exchange(duty.failing, false)) {
        log_info("a keeper duty works again", {{"duty", duty.name}});
    }
    if (work->led) telemetry::count<Metric::kKeeperRuns>(1, duty.name);
    if (work->rows > 0) {
        telemetry::count<Metric::kKeeperRows>(work->rows, duty.name);
    }
    duty.due = work->more ? start : start + duty.interval;
    return work->more;
}

bool Keeper::watch_workers() {
    const auto sent = clock_.now();
    const auto pulses = store_.worker_pulses();
    const auto received = clock_.now();
    watch_due_ = sent + options_.interval;
    if (!pulses) {
        silence_.start_anew();
        silent_.clear();
        if (std::exchange(store_answers_, false)) {
            log_warning("the keeper waits for PostgreSQL", {{"reason", pulses.error().message}});
        }
        return false;
    }
    if (!std::exchange(store_answers_, true)) log_info("the keeper works again");
    telemetry::set<Metric::kWorkersAlive>(pulses->size());
    silence_.observe(*pulses, sent, received);
    watch_clock();
    silent_ = silence_.silent();
    return true;
}

void Keeper::watch_clock() {
    const auto database_time = store_.database_time();
    if (database_time.count() == 0) return;
    const auto now = clock_.now();
    const auto distance =
        database_time - std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
    const auto before = std::exchange(clock_distance_, distance);
    if (!before || std::chrono::abs(distance - *before) <= options_.clock_step_max) return;
    log_warning(
        "PostgreSQL's clock stepped; duties that go by the age of rows pause for worker.lease_ttl",
        {{"step_ms", (distance - *before).count()}});
    sweep_from_ = now + options_.lease_ttl;
    deadlines_are_off_ = true;
    silence_.start_anew();
}

// Corrects the deadlines at once, for the sake of keepers that start now and did not see the step.
Result<Keeper::Work> Keeper::end_overdue() {
    if (deadlines_are_off_) {
        TRY_STATUS(store_.keeper_reset_deadlines());
        deadlines_are_off_ = false;
    }
    if (clock_.now() < sweep_from_) return Work{};
    return hand_on(store_.keeper_end_overdue(options_.deadline_grace, options_.page));
}

// Level-triggered: every pass moves the jobs of all workers that are not alive, no matter when they
// were marked and by which keeper.
Result<Keeper::Work> Keeper::rescue() {
    const storage::RescueLimits limits{options_.losses_max, options_.page};
    TRY(auto work, hand_on(store_.keeper_rescue(limits)));
    if (!work.led) {
        // Another keeper leads. When it is this one's turn, it starts again.
        silence_.start_anew();
        silent_.clear();
    }
    if (silent_.empty()) return work;
    TRY_STATUS(mark_lost(true));
    TRY_STATUS(mark_lost(false));
    silent_.clear();
    work.more = true;  // Their jobs are next.
    return work;
}

Status Keeper::mark_lost(bool in_outage) {
    std::vector<storage::WorkerPulse> pulses;
    for (const auto& worker : silent_) {
        if (worker.in_outage == in_outage) pulses.push_back(worker.pulse);
    }
    if (pulses.empty()) return ok();
    TRY_STATUS(store_.worker_mark_lost(pulses, in_outage, silence_.together()));
    for (const auto& pulse : pulses) {
        log_warning("a worker was silent for worker.lease_ttl; its jobs go to others",
                    {{"worker", pulse.id.str()}, {"mass_outage", in_outage}});
    }
    return ok();
}

Result<Keeper::Work> Keeper::hand_on(Result<storage::DutyPage> page) {
    if (!page) return page.error();
    std::vector<dispatch::QueuedJob> queued;
    std::vector<events::FinishedJob> finished;
    for (const auto& job : page->moved) {
        if (job.state == JobState::kQueued) queued.push_back({job.id, job.queue, job.priority, {}});
        if (info(job.state).is_final) finished.push_back({{job.id, job.epoch}, job.state});
    }
    dispatcher_.offer(std::move(queued));
    announcer_.finished(finished);
    const auto rows = page->moved.size();
    return Work{page->led, rows, rows >= static_cast<std::size_t>(options_.page)};
}

Result<Keeper::Work> Keeper::purged(Result<int> rows) const {
    if (!rows) return rows.error();
    return Work{true, static_cast<std::size_t>(*rows), *rows >= options_.page};
}

Result<Keeper::Work> Keeper::measure() {
    TRY(const auto lanes, store_.lane_stats());
    for (const auto& lane : lanes) {
        const auto priority = name(lane.priority);
        const auto set = [&](JobState state, std::int64_t jobs) {
            telemetry::set<Metric::kQueueJobs>(jobs, lane.queue, priority, name(state));
        };
        set(JobState::kQueued, lane.queued);
        set(JobState::kScheduled, lane.scheduled);
        set(JobState::kInProgress, lane.in_progress);
        const Seconds oldest = lane.oldest_age.value_or(milliseconds(0));
        telemetry::set<Metric::kQueueOldestSeconds>(oldest.count(), lane.queue, priority);
    }
    return Work{true, 0, false};
}

// Every gateway sends its own hints: they cost little, and none has to lead.
Result<Keeper::Work> Keeper::hint() {
    // The reply may take long; its ages are as old as the query.
    const auto asked_at = store_.database_time();
    TRY(auto ages, store_.lane_ages(kHintsMax));
    wire::LaneHints hints{.measured_at = asked_at,
                          .interval = options_.hint_interval,
                          .is_complete = ages.size() < kHintsMax,
                          .lanes = {}};
    for (auto& lane : ages) {
        hints.lanes.push_back(
            {std::move(lane.queue), lane.priority, std::move(lane.model), lane.oldest});
    }
    announcer_.hint(hints);
    return Work{true, 0, false};
}

}  // namespace millrace::keeper
