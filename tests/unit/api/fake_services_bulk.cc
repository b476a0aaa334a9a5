// Retries, and cancels by a filter.
#include <algorithm>

#include "tests/unit/api/fake_services.h"

namespace millrace::test {

using service::Callback;
using storage::JobRecord;

service::RetryResult FakeServices::retry_one(JobId id) {
    using service::SubmitError;
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return {id, SubmitError{{ErrorCode::kNotFound, "none"}, {}}};
    auto& job = found->second;
    if (job.retried_by) return {id, service::SubmitReply{.id = *job.retried_by, .replayed = true}};
    if (job.state != JobState::kFailed) {
        return {id, SubmitError{{ErrorCode::kConflict, "The job did not fail."}, {}}};
    }
    JobRecord retry{.id = next_id(), .retry_of = id, .queue = job.queue, .model = job.model};
    retry.created_at = database_now();
    job.retried_by = retry.id;
    const auto new_id = retry.id;
    jobs_[new_id] = std::move(retry);
    return {id, service::SubmitReply{.id = new_id}};
}

void FakeServices::retry(JobId id, Callback<Result<service::RetryPage>> done) {
    retry(std::vector{id}, std::move(done));
}

void FakeServices::retry(std::vector<JobId> ids, Callback<Result<service::RetryPage>> done) {
    answer([this, ids = std::move(ids), done = std::move(done)] {
        service::RetryPage page;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& id : ids) page.jobs.push_back(retry_one(id));
        }
        done(std::move(page));
    });
}

void FakeServices::retry_matching(storage::JobFilter filter,
                                  Callback<Result<service::RetryPage>> done) {
    answer([this, filter = std::move(filter), done = std::move(done)] {
        service::RetryPage page;
        {
            const std::lock_guard lock(mutex_);
            last_filter_ = filter;
            std::vector<JobId> failed;
            for (const auto& [id, job] : jobs_) {
                if (job.state == JobState::kFailed && !job.retried_by) failed.push_back(id);
            }
            for (const auto& id : failed) page.jobs.push_back(retry_one(id));
        }
        done(std::move(page));
    });
}

void FakeServices::cancel_matching(storage::JobFilter filter,
                                   Callback<Result<service::CancelTotals>> done) {
    answer([this, filter = std::move(filter), done = std::move(done)] {
        service::CancelTotals totals;
        {
            const std::lock_guard lock(mutex_);
            last_filter_ = filter;
            for (auto& [id, job] : jobs_) {
                if (std::ranges::find(filter.states, job.state) == filter.states.end()) continue;
                const bool runs = job.state == JobState::kInProgress;
                job.state = runs ? JobState::kCancelling : JobState::kCancelled;
                ++(runs ? totals.cancelling : totals.cancelled);
            }
        }
        done(totals);
    });
}

}  // namespace millrace::test
