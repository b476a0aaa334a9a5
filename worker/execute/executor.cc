#include "worker/execute/executor.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

Executor::Executor(std::vector<backends::Backend*> backends, std::size_t lanes,
                   EndedAttempts& ended, OutputFeed& outputs, EventStream& events,
                   const Lease& lease, const Clock& clock, ExecutorOptions options)
    : backends_(std::move(backends)),
      events_(events),
      lease_(lease),
      clock_(clock),
      options_(std::move(options)),
      reports_(outputs, ended, options_.output_bytes_max),
      preemptor_(options_.preemptions_max),
      attempts_(backends_.size(), lanes),
      cancels_(options_.cancels_kept_max) {}

Status Executor::start() {
    for (auto* backend : backends_) {
        TRY_STATUS(backend->start(*this));
        const auto& info = infos_.emplace_back(backend->info());
        const MutexLock lock(mutex_);
        const auto& scheduler = schedulers_.emplace_back(info, options_.batch);
        slots_ += scheduler.jobs_max();
        held_max_ += scheduler.held_max();
    }
    if (options_.slots_max > 0) {
        slots_ = std::min(slots_, options_.slots_max);
        held_max_ = std::min(held_max_, options_.slots_max);
    }
    telemetry::set<Metric::kSlotsTotal>(slots_);
    return ok();
}

void Executor::stop() {
    for (auto* backend : backends_) backend->stop();
}

std::optional<std::vector<backends::BackendInfo>> Executor::changes() {
    if (!has_changed_.exchange(false)) return std::nullopt;
    std::vector<backends::BackendInfo> infos;
    for (const auto* backend : backends_) infos.push_back(backend->info());
    return infos;
}

// --- Claims -------------------------------------------------------------------------------------

Load Executor::load() const {
    const MutexLock lock(mutex_);
    const auto now = clock_.now();
    Load load;
    for (schedule::BackendIndex i = 0; i < schedulers_.size(); ++i) {
        load.backends.push_back(schedulers_[i].room(now, attempts_.places_by_lane(i)));
    }
    load.free = held_max_ - std::min(held_max_, attempts_.places());
    return load;
}

bool Executor::is_empty() const {
    const MutexLock lock(mutex_);
    return attempts_.places() == 0;
}

void Executor::launch(WorkerId worker, MonoTime claimed_at, std::vector<Start> starts) {
    const auto now = clock_.now();
    std::vector<Admission> admissions;
    admissions.reserve(starts.size());
    for (auto& start : starts) {
        const auto& backend = *backends_[start.backend];
        admissions.push_back(admission_of(std::move(start), backend, worker, claimed_at, now));
    }
    Actions actions;
    std::vector<wire::Event> started;
    started.reserve(admissions.size());
    std::vector<bool> touched(backends_.size());
    const bool may_start = lease_.live(clock_.now()) == worker;
    {
        const MutexLock lock(mutex_);
        for (auto& admission : admissions) {
            const auto key = admission.attempt.claim.key;
            touched[admission.attempt.backend] = true;
            admit(std::move(admission), actions);
            if (may_start) {
                started.push_back({.key = key, .what = wire::Started{options_.worker_name}});
            } else {
                stop_attempt(*attempts_.find(key), backends::AbortReason::kInterrupted, actions);
            }
        }
        for (schedule::BackendIndex i = 0; deferred_ && i < touched.size(); ++i) {
            if (touched[i]) (*deferred_)[i] = true;
            touched[i] = false;
        }
    }
    events_.add(std::move(started));
    perform(std::move(actions));
    start_ready_on(touched);
}

void Executor::admit(Admission admission, Actions& actions) {
    const auto key = admission.attempt.claim.key;
    if (auto* older = attempts_.current(key.job)) {
        // A failover undid the claim, which was then made again with the same epoch: this attempt
        // goes on.
        if (older->claim.key == key && older->worker == admission.attempt.worker) return;
        replace(*older, actions);
    }
    auto& attempt = attempts_.add(std::move(admission.attempt));
    schedulers_[attempt.backend].add(std::move(admission.arrival), clock_.now());
    if (cancels_.take(key)) stop_attempt(attempt, backends::AbortReason::kCancelled, actions);
}

void Executor::replace(Attempt& older, Actions& actions) {
    actions.replaced.push_back(older.claim.key);
    if (older.phase == Attempt::Phase::kReady) {
        CHECK(schedulers_[older.backend].remove(older.claim.key));
        attempts_.erase(older);
        return;
    }
    stop_attempt(attempts_.set_aside(older), backends::AbortReason::kInterrupted, actions);
}

// --- Starting -----------------------------------------------------------------------------------

Executor::DeferredStarts::DeferredStarts(Executor& executor) : executor_(executor) {
    const MutexLock lock(executor_.mutex_);
    CHECK(!executor_.deferred_);
    executor_.deferred_.emplace(executor_.backends_.size());
}

Executor::DeferredStarts::~DeferredStarts() {
    std::vector<bool> deferred;
    {
        const MutexLock lock(executor_.mutex_);
        deferred = *std::exchange(executor_.deferred_, std::nullopt);
    }
    executor_.start_ready_on(deferred);
}

void Executor::start_ready_on(const std::vector<bool>& backends) {
    for (schedule::BackendIndex i = 0; i < backends.size(); ++i) {
        if (backends[i]) start_ready(i);
    }
}

void Executor::start_ready(schedule::BackendIndex index) {
    auto& backend = *backends_[index];
    while (auto batch = begin_batch(index)) {
        backend.run(std::move(batch->jobs));
        std::vector<Stop> late_stops;
        {
            const MutexLock lock(mutex_);
            late_stops = schedulers_[index].begun(batch->slot, clock_.now());
        }
        for (const auto& stop : late_stops) backend.abort(stop.key, stop.reason);
    }
    announce(index);
}

std::optional<BatchScheduler::Batch> Executor::begin_batch(schedule::BackendIndex index) {
    const MutexLock lock(mutex_);
    const auto now = clock_.now();
    // Nothing starts on a lapsed lease. Attempts of an earlier incarnation are being stopped.
    if (!lease_.live(now)) return std::nullopt;
    auto batch = schedulers_[index].begin(now);
    if (!batch) return std::nullopt;
    for (const auto& execution : batch->jobs) {
        auto* attempt = attempts_.find(execution.job.key);
        CHECK(attempt != nullptr);
        attempt->phase = Attempt::Phase::kRunning;
        attempt->slot = batch->slot;
        attempt->started = now;
    }
    telemetry::observe_size<Metric::kExecutionBatchJobs>(batch->jobs.size(), infos_[index].name);
    return batch;
}

void Executor::announce(schedule::BackendIndex index) {
    bool opened = false;
    bool earlier = false;
    {
        const MutexLock lock(mutex_);
        auto& scheduler = schedulers_[index];
        opened = scheduler.opened(clock_.now());
        const auto next = scheduler.next_change();
        earlier = next < next_tick_;
        next_tick_ = std::min(next_tick_, next);
    }
    if (opened && on_free_) on_free_();
    if (earlier && on_earlier_tick_) on_earlier_tick_();
}

void Executor::tick() {
    Actions actions;
    {
        const MutexLock lock(mutex_);
        for (auto* attempt : attempts_.overdue(clock_.now())) {
            stop_attempt(*attempt, backends::AbortReason::kDeadline, actions);
        }
    }
    perform(std::move(actions));
    for (schedule::BackendIndex i = 0; i < backends_.size(); ++i) start_ready(i);
}

MonoTime Executor::next_tick() {
    const MutexLock lock(mutex_);
    next_tick_ = MonoTime::max();
    // Attempts that wait for a lease have no start time.
    if (!lease_.live(clock_.now())) return next_tick_;
    for (const auto& scheduler : schedulers_) {
        next_tick_ = std::min(next_tick_, scheduler.next_change());
    }
    return next_tick_;
}

// --- Stopping -----------------------------------------------------------------------------------

bool Executor::cancel(const AttemptKey& key) {
    Actions actions;
    bool is_stopped = false;
    {
        const MutexLock lock(mutex_);
        if (auto* attempt = attempts_.find(key)) {
            is_stopped = attempt->is_stoppable();
            stop_attempt(*attempt, backends::AbortReason::kCancelled, actions);
        } else {
            cancels_.keep(key);
        }
    }
    perform(std::move(actions));
    return is_stopped;
}

void Executor::forget_cancels() {
    const MutexLock lock(mutex_);
    cancels_.forget_older();
}

void Executor::interrupt_all() {
    Actions actions;
    std::size_t stopped = 0;
    {
        const MutexLock lock(mutex_);
        for (auto* attempt : attempts_.stoppable()) {
            stop_attempt(*attempt, backends::AbortReason::kInterrupted, actions);
            ++stopped;
        }
    }
    telemetry::count<Metric::kAttemptsHandedBack>(stopped, "interrupted");
    perform(std::move(actions));
}

bool Executor::preempt(schedule::BackendIndex backend, Priority urgent,
                       const std::vector<bool>& from) {
    Actions actions;
    std::optional<AttemptKey> victim;
    {
        const MutexLock lock(mutex_);
        victim = preemptor_.choose(attempts_, backend, urgent, from);
        if (!victim) return false;
        stop_attempt(*attempts_.find(*victim), backends::AbortReason::kPreempted, actions);
    }
    telemetry::count<Metric::kAttemptsHandedBack>(1, "preempted");
    log_info("a job gives way to a more urgent one",
             {{"job", victim->job.str()}, {"epoch", victim->epoch}, {"for", name(urgent)}});
    perform(std::move(actions));
    return true;
}

void Executor::stop_attempt(Attempt& attempt, backends::AbortReason reason, Actions& actions) {
    if (!attempt.is_stoppable()) return;
    attempt.is_stopping = true;
    auto& scheduler = schedulers_[attempt.backend];
    const Stop stop{.key = attempt.claim.key, .reason = reason};
    if (attempt.phase == Attempt::Phase::kReady) {
        CHECK(scheduler.remove(stop.key));
        actions.ended.push_back(attempt.settle(backends::aborted_outcome(reason)));
    } else if (scheduler.stop(attempt.slot, stop)) {
        actions.aborts.emplace_back(backends_[attempt.backend], stop);
    }
}

void Executor::perform(Actions actions) {
    for (const auto& key : actions.replaced) {
        log_warning(
            "an attempt was replaced: its job left this worker unnoticed and was claimed again",
            {{"job", key.job.str()}, {"epoch", key.epoch}});
    }
    for (const auto& [backend, stop] : actions.aborts) backend->abort(stop.key, stop.reason);
    for (auto& attempt : actions.ended) reports_.ended(std::move(attempt));
}

// --- Settlements --------------------------------------------------------------------------------

void Executor::release(std::span<const AttemptKey> keys) {
    {
        const MutexLock lock(mutex_);
        for (const auto& key : keys) {
            // Attempts that were handed back were never held.
            auto* attempt = attempts_.find_in(Attempt::Phase::kSettling, key);
            if (attempt != nullptr) attempts_.erase(*attempt);
        }
    }
    if (on_free_) on_free_();
}

bool Executor::holds(const AttemptKey& key) const {
    const MutexLock lock(mutex_);
    return attempts_.find(key) != nullptr;
}

std::size_t Executor::held() const {
    const MutexLock lock(mutex_);
    return attempts_.current().size();
}

// --- ExecutionSink ------------------------------------------------------------------------------

void Executor::partial(const AttemptKey& key, std::string_view text) {
    if (const auto worker = reporting(key)) reports_.partial(key, *worker, text);
}

void Executor::progress(const AttemptKey& key, double fraction, std::string_view message) {
    if (const auto worker = reporting(key, fraction)) {
        reports_.progress(key, *worker, fraction, message);
    }
}

std::optional<WorkerId> Executor::reporting(const AttemptKey& key, std::optional<double> fraction) {
    const MutexLock lock(mutex_);
    auto* attempt = attempts_.find_in(Attempt::Phase::kRunning, key);
    if (attempt == nullptr || attempt->is_aside) return std::nullopt;
    attempt->fraction = fraction.value_or(attempt->fraction);
    return attempt->worker;
}

void Executor::finished(const AttemptKey& key, Outcome outcome) {
    std::optional<schedule::BackendIndex> backend;
    std::optional<EndedAttempt> ended;
    MonoTime started;
    bool slot_is_free = false;
    {
        const MutexLock lock(mutex_);
        if (auto* attempt = attempts_.find_in(Attempt::Phase::kRunning, key)) {
            backend = attempt->backend;
            started = attempt->started;
            const bool completed = outcome.kind == OutcomeKind::kCompleted;
            slot_is_free = schedulers_[*backend].finish(attempt->slot, completed, clock_.now());
            if (attempt->is_aside) {
                attempts_.erase(*attempt);
            } else {
                ended = attempt->settle(std::move(outcome));
            }
        }
    }
    if (!backend) {
        log_error("a report of a backend was dropped: it does not run that attempt",
                  {{"job", key.job.str()}, {"epoch", key.epoch}});
        return;
    }
    if (ended) {
        reports_.finished(infos_[*backend].name, clock_.now() - started, *std::move(ended));
    } else {
        reports_.dropped(key);
        if (on_free_) on_free_();
    }
    if (slot_is_free) start_ready(*backend);
}

}  // namespace millrace::execute
