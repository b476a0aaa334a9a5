#include "producer/query/commands.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "common/job/job_state.h"

namespace millrace::gateway {

Commands::Commands(CommandsOptions options, const Clock& clock, storage::JobStore& store,
                   Announcer& announcer, Retries& retries, ModelRegistry& models,
                   DatabaseClock& database_clock, std::function<Status()> check_schema)
    : options_(options),
      clock_(clock),
      store_(store),
      announcer_(announcer),
      retries_(retries),
      models_(models),
      database_clock_(database_clock),
      check_schema_(std::move(check_schema)),
      queue_(options.queue_max) {}

void Commands::list(storage::JobFilter filter, Callback<Result<Page>> done) {
    enqueue(List{std::move(filter), std::move(done)});
}

void Commands::count(storage::JobFilter filter, std::int64_t most,
                     Callback<Result<std::int64_t>> done) {
    enqueue(Count{std::move(filter), most, std::move(done)});
}

void Commands::retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) {
    enqueue(Retry{std::move(ids), std::move(done)});
}

void Commands::retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) {
    enqueue(RetryMatching{std::move(filter), std::move(done)});
}

void Commands::cancel(JobId id, Callback<Result<storage::JobRecord>> done) {
    enqueue(Cancel{id, std::move(done)});
}

void Commands::cancel_matching(storage::JobFilter filter, Callback<Result<CancelTotals>> done) {
    enqueue(CancelMatching{std::move(filter), std::move(done)});
}

void Commands::lanes(Callback<Result<std::vector<storage::LaneStats>>> done) {
    enqueue(Lanes{std::move(done)});
}

void Commands::workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) {
    enqueue(Workers{std::move(done)});
}

void Commands::readiness(Callback<Readiness> done) {
    enqueue(Ready{std::move(done)});
}

void Commands::model_known(std::string queue, std::string model, Callback<bool> done) {
    if (models_.known(queue, model)) return done(true);
    enqueue(Model{std::move(queue), std::move(model), std::move(done)});
}

void Commands::enqueue(Request request) {
    if (queue_.try_push(std::move(request))) return;
    refuse(request, refusal());
}

Error Commands::refusal() const {
    return queue_.closed() ? Error{ErrorCode::kUnavailable, "This gateway is stopping; retry."}
                           : Error{ErrorCode::kResourceExhausted,
                                   "Too many calls wait (query.queue_max); retry later."};
}

void Commands::refuse(Request& request, const Error& error) {
    const auto refuse_one = [&error](auto& each) {
        using Kind = std::remove_reference_t<decltype(each)>;
        if constexpr (std::is_same_v<Kind, Ready>) {
            Readiness readiness;
            readiness.detail = error.message;
            each.done(readiness);
        } else if constexpr (std::is_same_v<Kind, Model>) {
            each.done(true);
        } else {
            each.done(error);
        }
    };
    std::visit(refuse_one, request);
}

bool Commands::step(MonoTime wait_until) {
    const bool models_were_due = clock_.now() >= models_due_;
    if (models_were_due) look_up_models();
    auto requests = queue_.pop_all(options_.batch_max, std::min(wait_until, models_due_));
    for (auto& request : requests) {
        std::visit([this](auto& each) { serve(each); }, request);
    }
    if (!cancels_.empty()) serve_cancels(std::exchange(cancels_, {}));
    return models_were_due || !requests.empty();
}

void Commands::run() {
    while (!queue_.closed() || queue_.size() > 0) step(runtime::kNoDeadline);
    look_up_models();
}

void Commands::serve(List& request) {
    auto page = store_.job_list(request.filter);
    if (!page) return request.done(page.error());
    request.done(Page{std::move(page->jobs), page->has_more});
}

void Commands::serve(Count& request) {
    request.done(store_.job_count(request.filter, request.most));
}

void Commands::serve(Retry& request) {
    retries_.retry(request.ids, std::move(request.done));
}

void Commands::serve(RetryMatching& request) {
    retries_.retry_matching(std::move(request.filter), std::move(request.done));
}

void Commands::serve(Lanes& request) {
    request.done(cached(lanes_, [this] { return store_.lane_stats(); }));
}

void Commands::serve(Workers& request) {
    request.done(read_workers());
}

void Commands::serve(Ready& request) {
    request.done(*cached(readiness_, [this] { return Result<Readiness>(assess()); }));
}

void Commands::serve(Model& request) {
    // Beyond the limit a submit with a model that nobody runs goes through, and expires.
    if (model_misses_.size() >= options_.queue_max) return request.done(true);
    model_misses_.push_back(std::move(request));
}

void Commands::serve_cancels(const std::vector<Cancel>& cancels) {
    std::vector<JobId> ids;
    std::unordered_set<JobId> seen;
    for (const auto& cancel : cancels) {
        if (seen.insert(cancel.id).second) ids.push_back(cancel.id);
    }
    const auto records = cancel_all(ids);
    if (!records) {
        for (const auto& cancel : cancels) cancel.done(records.error());
        return;
    }
    std::unordered_map<JobId, const storage::JobRecord*> found;
    for (const auto& record : *records) found.emplace(record.id, &record);
    for (const auto& cancel : cancels) {
        const auto record = found.find(cancel.id);
        if (record != found.end()) {
            cancel.done(*record->second);
        } else {
            cancel.done(Error{ErrorCode::kNotFound, "There is no job " + cancel.id.str() + "."});
        }
    }
}

// One page; the rest waits behind the calls that came meanwhile. It stops early only where it has
// done something, so that asking again comes to an end.
void Commands::serve(CancelMatching& request) {
    auto& [filter, done, until, totals] = request;
    auto page_filter = filter;
    page_filter.limit = std::min(filter.limit, static_cast<int>(options_.batch_max));
    const auto page = store_.job_cancel_matching(page_filter, options_.look_max);
    const auto stop = [&request](const Error& error) {
        auto& so_far = request.totals;
        so_far.has_more = true;
        if (so_far.cancelled + so_far.cancelling > 0) return request.done(so_far);
        request.done(error);
    };
    if (!page) return stop(page.error());
    announce(page->jobs);
    // Its time begins with the first that it finds: a call that has passed over many others would
    // else stop at once, and the next one would pass over them again.
    const bool is_first = totals.cancelled + totals.cancelling == 0 && !page->jobs.empty();
    if (is_first) until = clock_.now() + options_.cancel_time_max;
    for (const auto& job : page->jobs) {
        ++(job.state == JobState::kCancelling ? totals.cancelling : totals.cancelled);
    }
    filter.limit -= static_cast<int>(page->jobs.size());
    filter.after = page->next;
    const bool is_late = clock_.now() >= until && totals.cancelled + totals.cancelling > 0;
    if (!page->next || filter.limit == 0 || is_late) {
        totals.has_more = page->next.has_value();
        return done(totals);
    }
    Request rest = std::move(request);
    if (!queue_.try_push(std::move(rest))) {
        request = std::move(std::get<CancelMatching>(rest));
        stop(refusal());
    }
}

Result<std::vector<storage::JobRecord>> Commands::cancel_all(const std::vector<JobId>& ids) {
    TRY(const auto jobs, store_.job_cancel(ids));
    announce(jobs);
    return store_.job_get(ids, {});
}

void Commands::announce(const std::vector<storage::CancelledJob>& jobs) {
    std::vector<wire::CancelAttempt> orders;
    std::vector<FinishedJob> finished;
    for (const auto& job : jobs) {
        const AttemptKey key{job.id, job.epoch};
        if (job.state == JobState::kCancelling && job.worker) orders.push_back({key, *job.worker});
        if (job.state == JobState::kCancelled) finished.push_back({key, job.state});
    }
    announcer_.cancel(orders);
    announcer_.finished(finished);
}

void Commands::look_up_models() {
    const auto announced = store_.model_list();
    models_due_ = clock_.now() + options_.model_interval;
    database_clock_.update(store_.database_time());
    if (announced) models_.replace(*announced);
    for (const auto& miss : std::exchange(model_misses_, {})) {
        miss.done(!announced || models_.known(miss.queue, miss.model));
    }
}

Readiness Commands::assess() {
    Readiness readiness;
    const auto add = [&](const std::string& detail) {
        if (!readiness.detail.empty()) readiness.detail += "; ";
        readiness.detail += detail;
    };
    const auto probe = store_.store_probe();
    readiness.store_commits = probe.has_value();
    if (!probe) add("PostgreSQL does not commit: " + probe.error().message);

    const auto schema = check_schema_();
    readiness.schema_current = schema.has_value();
    if (!schema) add(schema.error().message);

    const auto workers = read_workers();
    readiness.workers_consume =
        workers && std::ranges::any_of(*workers, [this](const auto& worker) {
            return worker.state == storage::WorkerState::kAlive &&
                   worker.heartbeat_age <= options_.lease_ttl;
        });
    if (workers && !readiness.workers_consume) add("no worker is alive");
    return readiness;
}

Result<std::vector<storage::WorkerRecord>> Commands::read_workers() {
    return cached(workers_, [this] { return store_.worker_list(); });
}

template <class T, class Read>
Result<T> Commands::cached(Cached<T>& cache, Read read) {
    if (!cache.value || clock_.now() >= cache.read_at + options_.cache_max) {
        auto fresh = read();
        if (!fresh) return fresh.error();
        cache.value = *std::move(fresh);
        cache.read_at = clock_.now();
    }
    return *cache.value;
}

}  // namespace millrace::gateway
