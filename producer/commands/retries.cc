#include "producer/commands/retries.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "common/job/job_state.h"

namespace millrace::commands {
namespace {

using storage::JobRecord;

constexpr std::array kRetryable{JobState::kFailed, JobState::kExpired, JobState::kCancelled};

bool is_retryable(JobState state) {
    return std::ranges::find(kRetryable, state) != kRetryable.end();
}

service::SubmitError not_found(JobId id) {
    return {{ErrorCode::kNotFound, "There is no job " + id.str() + "."}, {}};
}

// The result if it is known without submitting; nothing if the job must be submitted.
std::optional<service::SubmitResult> known_result(JobId id, const JobRecord* job) {
    if (job == nullptr) return not_found(id);
    if (job->retried_by) return service::SubmitReply{.id = *job->retried_by, .replayed = true};
    if (is_retryable(job->state)) return std::nullopt;
    return service::SubmitError{
        {ErrorCode::kConflict,
         "The job is " + std::string(name(job->state)) +
             "; only one that failed, expired or was cancelled can be retried."},
        {}};
}

// Roughly the memory that it takes.
std::size_t size_of(const JobSpec& spec) {
    return sizeof spec + spec.input_json.size() + spec.metadata_json.size();
}

service::SubmitRequest request_of(JobId job, JobSpec spec) {
    return {.spec = std::move(spec),
            .idempotency = storage::IdempotencyKey{.scope = storage::IdempotencyKey::Scope::kRetry},
            .retry_of = job};
}

}  // namespace

bool Retries::has_room() const {
    const MutexLock lock(mutex_);
    return held_ < options_.bytes_max;
}

std::size_t Retries::waiting() const {
    const MutexLock lock(mutex_);
    return waiting_.size();
}

void Retries::when_room(std::function<bool()> go_on) {
    {
        const MutexLock lock(mutex_);
        waiting_.push_back(std::move(go_on));
    }
    call_next();
}

void Retries::hold(std::size_t bytes) {
    const MutexLock lock(mutex_);
    held_ += bytes;
}

void Retries::release(std::size_t bytes) {
    {
        const MutexLock lock(mutex_);
        held_ -= bytes;
    }
    call_next();
}

void Retries::call_next() {
    MutexLock lock(mutex_);
    while (!waiting_.empty() && held_ < options_.bytes_max) {
        const auto go_on = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        if (go_on()) return;
        lock.lock();
    }
}

void Retries::retry(storage::JobStore& store, const std::vector<JobId>& ids,
                    service::Callback<Result<service::RetryPage>> done) {
    std::size_t bytes = 0;  // Held by this call.
    const auto fail = [&](const Error& error) {
        done(error);
        release(bytes);
    };
    const auto records = store.job_get(ids, {});
    if (!records) return fail(records.error());
    std::unordered_map<JobId, const JobRecord*> found;
    for (const auto& record : *records) found.emplace(record.id, &record);
    service::RetryPage page;
    Specs specs;
    for (const auto& id : ids) {
        const auto job = found.find(id);
        auto known = known_result(id, job == found.end() ? nullptr : job->second);
        if (!known) {
            if (bytes > 0 && !has_room()) break;
            // One at a time, because their sizes are not known before.
            auto spec = store.job_specs({id});
            if (!spec) return fail(spec.error());
            // A job that its retention has removed meanwhile stays not found.
            for (auto& each : *spec) {
                hold(size_of(each.second));
                bytes += size_of(each.second);
                specs.push_back(std::move(each));
            }
        }
        page.jobs.push_back({id, std::move(known).value_or(not_found(id))});
    }
    submit(std::move(page), std::move(specs), bytes, std::move(done));
}

storage::JobFilter Retries::narrowed(storage::JobFilter filter) {
    filter.never_retried = true;
    std::erase_if(filter.states, [](JobState state) { return !is_retryable(state); });
    if (filter.states.empty()) filter.states.assign(kRetryable.begin(), kRetryable.end());
    return filter;
}

void Retries::submit(service::RetryPage page, Specs&& specs, std::size_t bytes,
                     service::Callback<Result<service::RetryPage>> done) {
    if (specs.empty()) {
        done(std::move(page));
        return call_next();
    }
    std::vector<service::SubmitRequest> requests;
    std::vector<JobId> submitted;
    for (auto& [job, spec] : specs) {
        submitted.push_back(job);
        requests.push_back(request_of(job, std::move(spec)));
    }
    submit_(std::move(requests),
            [this, bytes, page = std::move(page), submitted = std::move(submitted),
             done = std::move(done)](std::vector<service::SubmitResult> results) {
                std::unordered_map<JobId, const service::SubmitResult*> by_job;
                for (std::size_t i = 0; i < results.size(); ++i)
                    by_job.emplace(submitted[i], &results[i]);
                auto answered = page;
                for (auto& [job, retry] : answered.jobs) {
                    const auto result = by_job.find(job);
                    if (result != by_job.end()) retry = *result->second;
                }
                done(std::move(answered));
                release(bytes);
            });
    call_next();
}

}  // namespace millrace::commands
