#include "worker/execute/executor.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::worker {

using telemetry::Metric;

namespace {

ClaimedJob without_input(ClaimedJob& job) {
    auto input = std::exchange(job.spec.input_json, {});
    auto copy = job;
    job.spec.input_json = std::move(input);
    return copy;
}

}  // namespace

Executor::Executor(std::vector<Backend*> backends, std::size_t lanes, EndedAttempts& ended,
                   OutputFeed& outputs, EventStream& events, const Lease& lease, const Clock& clock,
                   ExecutorOptions options)
    : backends_(std::move(backends)),
      lanes_(lanes),
      ended_(ended),
      outputs_(outputs),
      events_(events),
      lease_(lease),
      clock_(clock),
      options_(std::move(options)) {}

Status Executor::start() {
    for (auto* backend : backends_) {
        TRY_STATUS(backend->start(*this));
        const auto& station = stations_.emplace_back(*backend, options_.batch, lanes_);
        slots_ += station.slots();
        held_max_ += station.held_max();
    }
    if (options_.slots_max > 0) {
        slots_ = std::min(slots_, options_.slots_max);
        held_max_ = std::min(held_max_, options_.slots_max);
    }
    telemetry::set<Metric::kSlotsTotal>(static_cast<double>(slots_));
    return ok();
}

void Executor::stop() {
    for (auto* backend : backends_) backend->stop();
}

std::vector<BackendInfo> Executor::backends() const {
    std::vector<BackendInfo> infos;
    for (const auto& station : stations_) infos.push_back(station.info());
    return infos;
}

std::optional<std::vector<BackendInfo>> Executor::changes() {
    if (!has_changed_.exchange(false)) return std::nullopt;
    std::vector<BackendInfo> infos;
    for (const auto* backend : backends_) infos.push_back(backend->info());
    return infos;
}

// --- Claims -------------------------------------------------------------------------------------

Load Executor::load() const {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    Load load;
    std::size_t held = 0;
    for (const auto& station : stations_) {
        held += station.held();
        load.backends.push_back(station.room(now));
    }
    load.free = held_max_ - std::min(held_max_, held);
    return load;
}

std::string Executor::batch_key(BackendIndex backend, const JobSpec& spec) const {
    return stations_[backend].backend().batch_key(spec);
}

void Executor::launch(WorkerId worker, MonoTime claimed_at, std::vector<Start> starts) {
    Actions actions;
    std::vector<wire::Event> started;
    std::vector<bool> touched(stations_.size());
    started.reserve(starts.size());
    const bool may_start = lease_.live(clock_.now()) == worker;
    std::vector<std::size_t> weights;
    weights.reserve(starts.size());
    for (auto& start : starts) {
        if (start.batch_key.empty()) start.batch_key = batch_key(start.backend, start.job.spec);
        weights.push_back(stations_[start.backend].backend().batch_weight(start.job.spec));
    }
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < starts.size(); ++i) {
            auto& start = starts[i];
            const auto key = start.job.key;
            touched[start.backend] = true;
            admit_locked(worker, claimed_at, std::move(start), weights[i], actions);
            if (may_start) {
                started.push_back({.key = key, .what = wire::Started{options_.worker_name}});
            } else {
                stop_locked(key, *find_locked(key), AbortReason::kInterrupted, actions);
            }
        }
        for (BackendIndex i = 0; gathered_ && i < touched.size(); ++i) {
            if (touched[i]) (*gathered_)[i] = true;
            touched[i] = false;
        }
    }
    events_.add(std::move(started));
    perform(std::move(actions));
    start_ready_of(touched);
}

Executor::Gathering::Gathering(Executor& executor) : executor_(executor) {
    const std::lock_guard lock(executor_.mutex_);
    CHECK(!executor_.gathered_);
    executor_.gathered_.emplace(executor_.stations_.size());
}

Executor::Gathering::~Gathering() {
    std::vector<bool> gathered;
    {
        const std::lock_guard lock(executor_.mutex_);
        gathered = *std::exchange(executor_.gathered_, std::nullopt);
    }
    executor_.start_ready_of(gathered);
}

void Executor::admit_locked(WorkerId worker, MonoTime claimed_at, Start start, std::size_t weight,
                            Actions& actions) {
    const auto key = start.job.key;
    const auto older = held_.find(key.job);
    if (older != held_.end()) {
        // A failover undid the claim, which was then made again with the same epoch: this attempt
        // goes on.
        if (older->second.job.key == key && older->second.worker == worker) return;
        replace_locked(older, actions);
    }

    auto& station = stations_[start.backend];
    const auto now = clock_.now();
    const auto deadline = claimed_at + start.job.remaining;
    next_deadline_ = std::min(next_deadline_, deadline);
    auto& held = held_[key.job];
    held.job = without_input(start.job);
    held.worker = worker;
    held.backend = start.backend;
    held.lane = start.lane;
    held.deadline = deadline;
    held.standing = start.standing;
    // As if it had been claimed on arrival: no wait for a batch can save the time of a claim.
    const auto arrived = start.arrived ? *start.arrived + (now - claimed_at) : now;
    station.add({.execution = {.job = std::move(start.job), .deadline = deadline},
                 .key = std::move(start.batch_key),
                 .weight = weight,
                 .arrived = arrived},
                start.lane, now);

    const auto is_this = [&](const AttemptKey& other) { return other == key; };
    if (std::erase_if(cancels_, is_this) + std::erase_if(cancels_before_, is_this) > 0) {
        stop_locked(key, held, AbortReason::kCancelled, actions);
    }
}

void Executor::replace_locked(std::unordered_map<JobId, Held>::iterator older, Actions& actions) {
    auto node = held_.extract(older);
    auto& held = node.mapped();
    const AttemptKey key{held.job.key};
    log_warning("replaced an attempt that was lost without notice",
                {{"job", key.job.str()}, {"epoch", key.epoch}});
    held.replaced = true;
    if (held.phase == Phase::kReady) {
        CHECK(stations_[held.backend].remove(key));
        free_locked(held);
        return;
    }
    auto& replaced = replaced_[key] = std::move(held);
    if (replaced.phase == Phase::kRunning) {
        stop_locked(key, replaced, AbortReason::kInterrupted, actions);
    }
}

void Executor::start_ready_of(const std::vector<bool>& touched) {
    for (BackendIndex i = 0; i < touched.size(); ++i) {
        if (touched[i]) start_ready(i);
    }
}

void Executor::start_ready(BackendIndex index) {
    for (;;) {
        std::optional<Station::Batch> batch;
        {
            const std::lock_guard lock(mutex_);
            const auto now = clock_.now();
            // Nothing starts on a lapsed lease. Attempts of an earlier incarnation are being
            // stopped.
            if (lease_.live(now)) batch = stations_[index].begin(now);
            if (batch) mark_running_locked(*batch, now);
        }
        if (!batch) break;
        auto& backend = stations_[index].backend();
        backend.run(std::move(batch->jobs));
        std::vector<Stop> late_stops;
        {
            const std::lock_guard lock(mutex_);
            late_stops = stations_[index].begun(batch->slot, clock_.now());
        }
        for (const auto& stop : late_stops) backend.abort(stop.key, stop.reason);
    }
    announce(index);
}

void Executor::mark_running_locked(const Station::Batch& batch, MonoTime now) {
    Held* held = nullptr;
    for (const auto& execution : batch.jobs) {
        held = find_locked(execution.job.key);
        CHECK(held != nullptr);
        held->phase = Phase::kRunning;
        held->slot = batch.slot;
        held->started = now;
    }
    telemetry::observe_size<Metric::kExecutionBatchJobs>(batch.jobs.size(),
                                                         stations_[held->backend].info().name);
}

// Calls those who wait for the clock or for a slot, if something has changed for them.
void Executor::announce(BackendIndex index) {
    bool opened = false;
    bool earlier = false;
    {
        const std::lock_guard lock(mutex_);
        auto& station = stations_[index];
        opened = station.opened(clock_.now());
        const auto next = station.next_change();
        earlier = next < next_tick_;
        next_tick_ = std::min(next_tick_, next);
    }
    if (opened && on_free_) on_free_();
    if (earlier && on_earlier_tick_) on_earlier_tick_();
}

// --- Stopping -----------------------------------------------------------------------------------

bool Executor::cancel(const AttemptKey& key) {
    Actions actions;
    bool is_held = false;
    {
        const std::lock_guard lock(mutex_);
        if (auto* held = find_locked(key)) {
            is_held = held->phase != Phase::kSettling && !held->stopping;
            stop_locked(key, *held, AbortReason::kCancelled, actions);
        } else if (cancels_.size() < options_.cancels_kept_max) {
            // The heartbeat's reply repeats the orders for which there is no room.
            cancels_.push_back(key);
        }
    }
    perform(std::move(actions));
    return is_held;
}

void Executor::forget_cancels() {
    const std::lock_guard lock(mutex_);
    cancels_before_ = std::exchange(cancels_, {});
}

void Executor::interrupt_all() {
    Actions actions;
    std::size_t count = 0;
    {
        const std::lock_guard lock(mutex_);
        for (auto& [job, held] : held_) {
            if (held.phase == Phase::kSettling || held.stopping) continue;
            stop_locked(held.job.key, held, AbortReason::kInterrupted, actions);
            ++count;
        }
    }
    telemetry::count<Metric::kAttemptsHandedBack>(static_cast<double>(count), "interrupted");
    perform(std::move(actions));
}

void Executor::tick() {
    stop_overdue();
    for (BackendIndex i = 0; i < stations_.size(); ++i) start_ready(i);
}

MonoTime Executor::next_tick() {
    const std::lock_guard lock(mutex_);
    next_tick_ = MonoTime::max();
    // Attempts that wait for a lease have no start time.
    if (!lease_.live(clock_.now())) return next_tick_;
    for (const auto& station : stations_) {
        next_tick_ = std::min(next_tick_, station.next_change());
    }
    return next_tick_;
}

void Executor::stop_overdue() {
    Actions actions;
    {
        const std::lock_guard lock(mutex_);
        const auto now = clock_.now();
        if (now < next_deadline_) return;
        next_deadline_ = MonoTime::max();
        for (auto& [job, held] : held_) {
            if (held.phase == Phase::kSettling || held.stopping) continue;
            if (held.deadline <= now) {
                stop_locked(held.job.key, held, AbortReason::kDeadline, actions);
            } else {
                next_deadline_ = std::min(next_deadline_, held.deadline);
            }
        }
    }
    perform(std::move(actions));
}

void Executor::stop_locked(const AttemptKey& key, Held& held, AbortReason reason,
                           Actions& actions) {
    if (held.phase == Phase::kSettling || held.stopping) return;
    held.stopping = true;
    auto& station = stations_[held.backend];
    if (held.phase == Phase::kReady) {
        CHECK(station.remove(key));
        held.phase = Phase::kSettling;
        actions.ended.push_back({.worker = held.worker,
                                 .job = std::move(held.job),
                                 .outcome = aborted_outcome(reason)});
        held.job.key = key;
        return;
    }
    if (station.stop(held.slot, {key, reason})) {
        actions.aborts.push_back({&station.backend(), {key, reason}});
    }
}

void Executor::perform(Actions actions) {
    for (const auto& [backend, stop] : actions.aborts) backend->abort(stop.key, stop.reason);
    for (auto& attempt : actions.ended) {
        const auto key = attempt.job.key;
        end(key, std::move(attempt));
    }
}

// --- Settlements --------------------------------------------------------------------------------

void Executor::release(std::span<const AttemptKey> keys) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& key : keys) {
            const auto* held = find_locked(key);
            // Attempts that were handed back were never held.
            if (held == nullptr || held->phase != Phase::kSettling) continue;
            free_locked(*held);
            if (held->replaced) {
                replaced_.erase(key);
            } else {
                held_.erase(key.job);
            }
        }
    }
    if (on_free_) on_free_();
}

bool Executor::holds(const AttemptKey& key) const {
    const std::lock_guard lock(mutex_);
    return find_locked(key) != nullptr;
}

std::size_t Executor::held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
}

Executor::Held* Executor::find_locked(const AttemptKey& key) {
    return const_cast<Held*>(std::as_const(*this).find_locked(key));
}

const Executor::Held* Executor::find_locked(const AttemptKey& key) const {
    const auto found = held_.find(key.job);
    if (found != held_.end() && found->second.job.key.epoch == key.epoch) return &found->second;
    if (replaced_.empty()) return nullptr;
    const auto older = replaced_.find(key);
    return older == replaced_.end() ? nullptr : &older->second;
}
}  // namespace millrace::worker
