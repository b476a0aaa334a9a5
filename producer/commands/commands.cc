#include "producer/commands/commands.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "producer/reads/refusal.h"

namespace millrace::commands {

Commands::Commands(CommandsOptions options, const Clock& clock, storage::JobStore& store,
                   events::Announcer& announcer, Retries& retries, reads::ModelRegistry& models,
                   reads::DatabaseClock& database_clock, std::function<Status()> check_schema)
    : options_(options),
      clock_(clock),
      store_(store),
      announcer_(announcer),
      retries_(retries),
      models_(models),
      database_clock_(database_clock),
      check_schema_(std::move(check_schema)),
      queue_(options.queue_max) {}

void Commands::retry(JobId id, service::Callback<Result<service::RetryPage>> done) {
    if (retries_.waiting() >= options_.queue_max) return done(reads::refusal_of(queue_));
    enqueue(Retry{id, std::move(done)});
}

void Commands::cancel(JobId id, service::Callback<Result<storage::JobRecord>> done) {
    enqueue(Cancel{id, std::move(done)});
}

void Commands::workers(service::Callback<Result<std::vector<storage::WorkerRecord>>> done) {
    enqueue(Workers{std::move(done)});
}

void Commands::readiness(service::Callback<service::Readiness> done) {
    enqueue(Ready{std::move(done)});
}

void Commands::model_known(std::string queue, std::string model, service::Callback<bool> done) {
    if (models_.known(queue, model)) return done(true);
    enqueue(Model{std::move(queue), std::move(model), std::move(done)});
}

bool Commands::enqueue(Request request) {
    if (queue_.try_push(request)) return true;
    refuse(request, reads::refusal_of(queue_));
    return false;
}

void Commands::refuse(Request& request, const Error& error) {
    const auto refuse_one = [&error](auto& each) {
        using Kind = std::remove_reference_t<decltype(each)>;
        if constexpr (std::is_same_v<Kind, Ready>) {
            service::Readiness readiness;
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

void Commands::serve(Retry& request) {
    if (retries_.has_room()) return retries_.retry(store_, {request.id}, std::move(request.done));
    retries_.when_room([this, request = std::move(request)] { return enqueue(request); });
}

void Commands::serve(Workers& request) {
    request.done(read_workers());
}

void Commands::serve(Ready& request) {
    request.done(*cached(readiness_, [this] { return Result<service::Readiness>(assess()); }));
}

void Commands::serve(Model& request) {
    // Above the limit, a submission for a model that nobody runs is accepted, and its job expires.
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

Result<std::vector<storage::JobRecord>> Commands::cancel_all(const std::vector<JobId>& ids) {
    TRY(const auto jobs, store_.job_cancel(ids));
    announcer_.cancelled(jobs);
    return store_.job_get(ids, {});
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

service::Readiness Commands::assess() {
    service::Readiness readiness;
    const auto add = [&](const std::string& detail) {
        if (!readiness.detail.empty()) readiness.detail += "; ";
        readiness.detail += detail;
    };
    const auto probe = store_.store_probe();
    readiness.store_commits = probe.has_value();
    if (!probe) add("PostgreSQL cannot commit: " + probe.error().message);

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

}  // namespace millrace::commands
