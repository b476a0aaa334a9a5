// Cancels and retries single jobs.
//
// Threads: see callback.h.
// Errors:  kNotFound; kUnavailable, kResourceExhausted (a bounded queue is full): nothing was
//          changed; try again.
#pragma once

#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"
#include "producer/service/submissions.h"

namespace millrace::service {

// The outcome for one job that was to be retried: its retry (`replayed` if that existed already),
// kNotFound, or kConflict if the job is not failed, expired or cancelled.
struct RetryResult {
    JobId job;
    SubmitResult retry;
};

struct RetryPage {
    std::vector<RetryResult> jobs;
    std::optional<JobId> next{};  // Where a call for more matching jobs continues (job_scans.h).
};

class JobCommands {
 public:
    virtual ~JobCommands() = default;

    // Returns the job's record after the call.
    virtual void cancel(JobId id, Callback<Result<storage::JobRecord>> done) = 0;
    // Submits the job's spec again, once: a repeated call returns the same retry.
    virtual void retry(JobId id, Callback<Result<RetryPage>> done) = 0;
};

}  // namespace millrace::service
