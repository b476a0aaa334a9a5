// Reads and changes many jobs: lists, counts, and everything by a filter.
//
// Threads: see callback.h.
// Errors:  kUnavailable, kResourceExhausted (a bounded queue is full): nothing was changed; try
//          again.
//
// A call looks at jobs for a limited time. What it found by then is its answer, and `next` is where
// the same call continues (JobFilter::after). So an answer may be short, or empty, without being
// the last.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"
#include "producer/service/job_commands.h"

namespace millrace::service {

// A page of a list.
struct JobList {
    std::vector<storage::JobRecord> jobs;
    std::optional<JobId> next;
};

// The number of jobs that match a filter, up to `next`.
struct JobCount {
    std::int64_t matching = 0;
    std::optional<JobId> next;
};

// The outcome for the jobs that match a filter.
struct CancelTotals {
    std::int64_t cancelled = 0;   // At once, as no worker ran them.
    std::int64_t cancelling = 0;  // Their workers are being asked to stop.
    std::optional<JobId> next;
};

class JobScans {
 public:
    virtual ~JobScans() = default;

    virtual void list(storage::JobFilter filter, Callback<Result<JobList>> done) = 0;
    // Counts the matching jobs, oldest first, but not much further than `most`.
    virtual void count(storage::JobFilter filter, std::int64_t most,
                       Callback<Result<JobCount>> done) = 0;

    // Retries each job, as JobCommands does.
    virtual void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) = 0;
    // Likewise retries a page of the matching jobs that failed, expired or were cancelled, and that
    // were never retried.
    virtual void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) = 0;
    // Cancels the matching open jobs, `filter.limit` at most. It also stops at an error after the
    // first page.
    virtual void cancel_matching(storage::JobFilter filter,
                                 Callback<Result<CancelTotals>> done) = 0;
};

}  // namespace millrace::service
