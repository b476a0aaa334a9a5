// Cancels and retries single jobs.
//
// Threads: a call never blocks and may come from any thread. Its callback is called exactly once,
//          later on one of the service's threads, or within the call if the answer is at hand (a
//          full queue, a known model). It must not block; so do not hold a lock that it takes too.
// Errors:  kNotFound; kUnavailable, kResourceExhausted (a bounded queue is full): nothing was
//          changed; try again.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"
#include "producer/service/submissions.h"

namespace millrace::gateway {

// The outcome for one job that was to be retried: its retry (`replayed` if that existed already),
// kNotFound, or kConflict if the job is not failed, expired or cancelled.
struct RetryResult {
    JobId job;
    SubmitResult retry;
};

struct RetryPage {
    std::vector<RetryResult> jobs;
    bool has_more = false;  // More jobs match.
};

class JobCommands {
 public:
    virtual ~JobCommands() = default;

    // Returns the job's record after the call.
    virtual void cancel(JobId id, Callback<Result<storage::JobRecord>> done) = 0;
    // Submits the job's spec again, once: a repeated call returns the same retry.
    virtual void retry(JobId id, Callback<Result<RetryPage>> done) = 0;
};

}  // namespace millrace::gateway
