#include "producer/query/retries.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "common/job/job_state.h"

namespace millrace::gateway {
namespace {

using storage::JobRecord;

constexpr std::array kRetryable{JobState::kFailed, JobState::kExpired, JobState::kCancelled};

bool is_retryable(JobState state) {
    return std::ranges::find(kRetryable, state) != kRetryable.end();
}

SubmitError not_found(JobId id) {
    return {{ErrorCode::kNotFound, "There is no job " + id.str() + "."}, {}};
}

// What is known without submitting; nothing where it is to be submitted.
std::optional<SubmitResult> known_result(JobId id, const JobRecord* job) {
    if (job == nullptr) return not_found(id);
    if (job->retried_by) return SubmitReply{.id = *job->retried_by, .replayed = true};
    if (is_retryable(job->state)) return std::nullopt;
    return SubmitError{{ErrorCode::kConflict,
                        "The job is " + std::string(name(job->state)) +
                            "; only one that failed, expired or was cancelled can be retried."},
                       {}};
}

SubmitRequest request_of(JobId job, JobSpec spec) {
    return {.spec = std::move(spec),
            .idempotency = storage::IdempotencyKey{.scope = storage::IdempotencyKey::Scope::kRetry},
            .retry_of = job};
}

}  // namespace

void Retries::retry(const std::vector<JobId>& ids, Callback<Result<RetryPage>> done) {
    const auto records = store_.job_get(ids, {});
    if (!records) return done(records.error());
    std::unordered_map<JobId, const JobRecord*> found;
    for (const auto& record : *records) found.emplace(record.id, &record);
    RetryPage page;
    std::vector<JobId> jobs;
    for (const auto& id : ids) {
        const auto job = found.find(id);
        auto known = known_result(id, job == found.end() ? nullptr : job->second);
        if (!known) jobs.push_back(id);
        page.jobs.push_back({id, std::move(known).value_or(not_found(id))});
    }
    submit(std::move(page), jobs, std::move(done));
}

storage::JobFilter Retries::narrowed(storage::JobFilter filter) {
    filter.never_retried = true;
    std::erase_if(filter.states, [](JobState state) { return !is_retryable(state); });
    if (filter.states.empty()) filter.states.assign(kRetryable.begin(), kRetryable.end());
    return filter;
}

void Retries::submit(RetryPage page, const std::vector<JobId>& jobs,
                     Callback<Result<RetryPage>> done) {
    if (jobs.empty()) return done(std::move(page));
    auto specs = store_.job_specs(jobs);
    if (!specs) return done(specs.error());
    // Who is gone meanwhile, by its retention, stays not found.
    std::vector<SubmitRequest> requests;
    std::vector<JobId> submitted;
    for (auto& [job, spec] : *specs) {
        submitted.push_back(job);
        requests.push_back(request_of(job, std::move(spec)));
    }
    if (requests.empty()) return done(std::move(page));
    submit_(std::move(requests), [page = std::move(page), submitted = std::move(submitted),
                                  done = std::move(done)](std::vector<SubmitResult> results) {
        std::unordered_map<JobId, const SubmitResult*> by_job;
        for (std::size_t i = 0; i < results.size(); ++i) by_job.emplace(submitted[i], &results[i]);
        auto answered = page;
        for (auto& [job, retry] : answered.jobs) {
            const auto result = by_job.find(job);
            if (result != by_job.end()) retry = *result->second;
        }
        done(std::move(answered));
    });
}

}  // namespace millrace::gateway
