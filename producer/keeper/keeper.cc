#include "producer/keeper/keeper.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/job/job_state.h"
#include "common/telemetry/telemetry.h"

namespace millrace::keeper {

using telemetry::Metric;

namespace {

// After this many intervals without a look at PostgreSQL's clock its ages are not relied on.
constexpr int kClockIntervals = 10;

}  // namespace

Keeper::Keeper(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
               dispatch::Dispatcher& dispatcher, events::Announcer& announcer)
    : options_(options),
      clock_(clock),
      store_(store),
      dispatcher_(dispatcher),
      announcer_(announcer),
      // Whatever fails, jobs must go on as soon as it works again.
      duties_({options.interval, options.interval}, clock, random),
      silence_({options.lease_ttl, std::max(options.lease_ttl / 3, options.interval * 2)}),
      database_clock_(options.clock_step_max) {
    const auto page = options_.page;
    const auto add = [&](std::string_view name, bool goes_by_age,
                         std::function<Result<Work>()> run) {
        duties_.add({name, options_.interval, goes_by_age, std::move(run)});
    };
    add("release", true, [=, this] { return hand_on(store_.keeper_release(page)); });
    add("expire", true, [=, this] { return hand_on(store_.keeper_expire(page)); });
    add("overdue", false, [this] { return end_overdue(); });
    add("rescue", true, [this] { return rescue(); });
}

bool Keeper::step() {
    if (clock_.now() >= watch_due_ && !watch_workers()) return false;
    return duties_.step(may_sweep());
}

bool Keeper::may_sweep() const {
    return ages_are_right(options_.lease_ttl);
}

bool Keeper::ages_are_right(milliseconds steady_for) const {
    return database_clock_.is_right(
        clock_.now(), options_.interval * kClockIntervals + options_.lease_ttl, steady_for);
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
    const auto step = database_clock_.observe(database_time, clock_.now());
    if (!step) return;
    log_warning(
        "PostgreSQL's clock stepped; duties that go by the age of rows pause for worker.lease_ttl, "
        "and nothing is removed because of its age for an hour",
        {{"step_ms", step->count()}});
    deadlines_are_off_ = true;
    silence_.start_anew();
}

// Corrects the deadlines at once, for the sake of keepers that start now and did not see the step.
Result<Work> Keeper::end_overdue() {
    if (deadlines_are_off_) {
        TRY_STATUS(store_.keeper_reset_deadlines());
        deadlines_are_off_ = false;
    }
    if (!may_sweep()) return Work{};
    return hand_on(store_.keeper_end_overdue(options_.deadline_grace, options_.page));
}

// Level-triggered: every pass moves the jobs of all workers that are not alive, no matter when they
// were marked and by which keeper.
Result<Work> Keeper::rescue() {
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

Result<Work> Keeper::hand_on(Result<storage::DutyPage> page) {
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

}  // namespace millrace::keeper
