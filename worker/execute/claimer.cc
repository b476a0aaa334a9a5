#include "worker/execute/claimer.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

namespace {

// Specs that do not travel in messages are large, so only a few are read before their claim.
constexpr std::size_t kSpecsMax = 32;

std::vector<JobId> ids_of(const std::vector<schedule::Candidate>& candidates) {
    std::vector<JobId> ids;
    ids.reserve(candidates.size());
    for (const auto& candidate : candidates) ids.push_back(candidate.id);
    // A message may have come twice.
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

// A batch is claimed by one statement.
ClaimerOptions with_whole_batches(ClaimerOptions options, const schedule::ModelTable& models) {
    for (const auto& backend : models.backends()) {
        options.batch_max = std::max(options.batch_max, backend.batch_max);
    }
    return options;
}

}  // namespace

Claimer::Claimer(storage::JobStore& store, const Lease& lease, schedule::Lanes& lanes,
                 consume::OffsetTracker& offsets, const consume::LaneHints& hints,
                 const schedule::ModelTable& models, Executor& executor,
                 CompletionWriter& completions, const Clock& clock, Random& random,
                 ClaimerOptions options)
    : store_(store),
      lease_(lease),
      lanes_(lanes),
      offsets_(offsets),
      hints_(hints),
      models_(models),
      executor_(executor),
      completions_(completions),
      clock_(clock),
      random_(random),
      options_(with_whole_batches(std::move(options), models)),
      stealer_(store, executor, lanes, hints, models, clock, random, options_.steal) {
    for (const auto& backend : models.backends()) {
        const auto slots = std::min(backend.slots * backend.batch_max, executor.slots());
        shares_.emplace_back(options_.shares, slots, options_.share_rules);
    }
}

bool Claimer::step() {
    const auto now = clock_.now();
    if (stopped_ || now < claiming_.next_at) return false;
    const auto worker = lease_.live(now);
    if (!worker) return false;
    const auto more = round(*worker);
    return judge(more, claiming_);
}

bool Claimer::judge(const Result<bool>& more, Tries& tries) {
    if (more.has_value()) {
        if (std::exchange(tries.failures, 0) > 0) log_info(tries.works_again);
        return *more;
    }
    if (more.error().code == ErrorCode::kOutcomeUnknown) reconcile_wanted_ = true;
    if (tries.failures++ == 0) log_warning(tries.fails, {{"error", to_string(more.error())}});
    tries.next_at = clock_.now() + backoff_delay(options_.store_backoff, tries.failures, random_);
    return false;
}

Result<bool> Claimer::round(WorkerId worker) {
    if (reconcile_wanted_) TRY_STATUS(reconcile(worker));
    if (confined_ && !executor_.holds(*confined_)) {
        // Others have their turn until the next heartbeat.
        confined_.reset();
        makes_way_ = false;
    }
    if (makes_way_ && executor_.is_empty()) TRY_STATUS(confine(worker));
    if (is_confining()) return false;
    const Executor::DeferredStarts deferred(executor_);
    age_lanes();
    const bool more_to_steal = steal(worker);
    TRY_STATUS(read_specs());
    TRY(const bool more_to_claim, claim(worker));
    if (!more_to_claim) preempt();
    return more_to_steal || more_to_claim;
}

// What has waited longest goes first. A steal that fails delays no claim: the jobs are tried again
// after a pause of its own.
bool Claimer::steal(WorkerId worker) {
    if (clock_.now() < stealing_.next_at) return false;
    return judge(stealer_.step(worker, shares_), stealing_);
}

Status Claimer::reconcile(WorkerId worker) {
    reconcile_wanted_ = false;
    const auto active = store_.worker_active(worker);
    if (!active.has_value()) {
        reconcile_wanted_ = true;
        return active.error();
    }
    std::size_t handed_back = 0;
    for (const auto& key : *active) {
        if (executor_.holds(key)) continue;
        completions_.hand_back(worker, key);
        ++handed_back;
    }
    if (handed_back > 0) {
        telemetry::count<Metric::kAttemptsHandedBack>(handed_back, "unknown_claim");
        log_warning("handed back jobs: PostgreSQL did not answer their claim",
                    {{"jobs", handed_back}});
    }
    return ok();
}

bool Claimer::is_confining() const {
    return makes_way_ || (confined_ && executor_.holds(*confined_));
}

Status Claimer::confine(WorkerId worker) {
    const auto sent = clock_.now();
    TRY(auto job, store_.job_claim_confined(worker));
    makes_way_ = false;
    if (!job) return ok();
    confined_ = job->key;
    log_info("a job runs alone, because its workers were lost", {{"job", job->key.job.str()}});
    const auto backend = models_.find(job->spec.model);
    const auto& lanes = lanes_.lanes();
    const auto found = std::ranges::find_if(lanes, [&](const schedule::LaneInfo& lane) {
        return lane.queue == job->spec.queue && lane.priority == job->spec.priority;
    });
    if (!backend || found == lanes.end()) {
        completions_.hand_back(worker, job->key);
        return ok();
    }
    const auto lane = static_cast<schedule::LaneIndex>(found - lanes.begin());
    std::vector<Start> starts;
    starts.push_back({.job = *std::move(job),
                      .backend = *backend,
                      .lane = lane,
                      .standing = lanes_.standing(*backend, lane)});
    executor_.launch(worker, sent, std::move(starts));
    return ok();
}

Status Claimer::read_specs() {
    const auto load = executor_.load();
    auto unread = load.free > 0 ? lanes_.take_unread(std::min(load.free, kSpecsMax))
                                : lanes_.take_urgent_unread();
    if (unread.empty()) return ok();
    auto specs = store_.job_specs(ids_of(unread));
    if (!specs.has_value()) {
        lanes_.put_back(std::move(unread));
        return specs.error();
    }
    std::unordered_map<JobId, JobSpec> by_id;
    for (auto& [id, spec] : *specs) by_id.emplace(id, std::move(spec));
    std::vector<schedule::Candidate> known;
    std::vector<schedule::MessageRef> skipped;
    for (auto& candidate : unread) {
        const auto found = by_id.find(candidate.id);
        const auto backend =
            found == by_id.end() ? std::nullopt : models_.find(found->second.model);
        if (!backend) {
            skipped.push_back(candidate.message);
            continue;
        }
        candidate.backend = backend;
        candidate.spec = found->second;
        known.push_back(std::move(candidate));
    }
    offsets_.finish(skipped);
    lanes_.push(std::move(known));
    return ok();
}

Result<bool> Claimer::claim(WorkerId worker) {
    auto picked = pick();
    if (picked.empty()) return false;
    const auto ids = ids_of(picked);
    const auto sent = clock_.now();
    auto claims = store_.job_claim(worker, ids);
    if (!claims.has_value()) {
        // They may or may not have been claimed; claiming again is right in both cases.
        lanes_.put_back(std::move(picked));
        return claims.error();
    }
    telemetry::count<Metric::kClaimsRequested>(ids.size());
    telemetry::count<Metric::kClaimsWon>(claims->size());
    start(worker, sent, std::move(picked), *claims);
    return true;
}

void Claimer::start(WorkerId worker, MonoTime sent, std::vector<schedule::Candidate> picked,
                    const std::vector<Claim>& claims) {
    const auto database_time = store_.database_time();
    std::unordered_map<JobId, Claim> by_id;
    by_id.reserve(claims.size());
    for (const auto& claim : claims) by_id.emplace(claim.key.job, claim);
    std::vector<Start> starts;
    std::vector<schedule::MessageRef> messages;
    starts.reserve(claims.size());
    messages.reserve(picked.size());
    for (auto& candidate : picked) {
        messages.push_back(candidate.message);
        // Extracted, because a message may have come twice.
        const auto node = by_id.extract(candidate.id);
        if (node.empty()) continue;
        const auto& claim = node.mapped();
        // A job that ran before has been waiting for less time than its id is old.
        if (claim.attempt == 1 && database_time.count() > 0) {
            stealer_.observe_wait(candidate.lane, candidate.arrived,
                                  database_time - uuid_unix_time(candidate.id.uuid()));
        }
        starts.push_back({.job = {claim, *std::move(candidate.spec)},
                          .backend = *candidate.backend,
                          .lane = candidate.lane,
                          .arrived = candidate.arrived,
                          .batch_key = std::move(candidate.batch_key),
                          .standing = candidate.standing});
    }
    executor_.launch(worker, sent, std::move(starts));
    offsets_.finish(messages);
}

void Claimer::age_lanes() {
    const auto now = clock_.now();
    for (schedule::BackendIndex backend = 0; backend < shares_.size(); ++backend) {
        auto waiting = lanes_.waiting_for(backend);
        for (schedule::LaneIndex lane = 0; lane < waiting.size(); ++lane) {
            // The lane may have jobs whose messages were lost.
            const auto oldest =
                hints_.oldest(lane, models_.models_of(backend), store_.database_time());
            if (oldest && *oldest >= options_.share_rules.age_max) ++waiting[lane];
        }
        shares_[backend].age(waiting, now);
    }
}

std::vector<schedule::Candidate> Claimer::pick() {
    const auto load = executor_.load();
    auto left = std::min(load.free, options_.batch_max);
    std::vector<schedule::Candidate> picked;
    for (schedule::BackendIndex backend = 0; backend < shares_.size() && left > 0; ++backend) {
        const auto& room = load.backends[backend];
        auto more = lanes_.pick(backend, room, left, shares_[backend], store_.database_time());
        left -= more.size();
        if (picked.empty()) {
            picked = std::move(more);
        } else {
            std::move(more.begin(), more.end(), std::back_inserter(picked));
        }
    }
    return picked;
}

// --- Preemption ---------------------------------------------------------------------------------

void Claimer::preempt() {
    const auto waited_enough = clock_.now() - options_.preempt_after;
    for (schedule::BackendIndex backend = 0; backend < shares_.size(); ++backend) {
        if (!models_.backends()[backend].is_preemptible) continue;
        const auto arrived = lanes_.next_arrived_for(backend);
        // The most urgent lane first: if it gets a slot, the others wait for the next.
        for (schedule::LaneIndex lane = 0; lane < arrived.size(); ++lane) {
            if (!arrived[lane] || *arrived[lane] > waited_enough) continue;
            if (preempt_for(lane, backend)) break;
        }
    }
}

// The slot will go to this lane, even if it is another one's turn when the slot is free.
bool Claimer::preempt_for(schedule::LaneIndex urgent, schedule::BackendIndex backend) {
    const auto load = executor_.load();
    const auto& room = load.backends[backend];
    if (room.jobs > 0 && load.free > 0) return false;
    const auto& held = room.held;
    auto& shares = shares_[backend];
    std::vector<bool> from(held.size());
    for (schedule::LaneIndex lane = 0; lane < held.size(); ++lane) {
        from[lane] = held[lane] > 0 && shares.may_preempt(urgent, lane, held);
    }
    if (!executor_.preempt(backend, lanes_.lanes()[urgent].priority, from)) return false;
    shares.favour(urgent);
    return true;
}

}  // namespace millrace::execute
