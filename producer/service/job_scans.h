// Reads and changes many jobs: lists, counts, and everything by a filter.
//
// Threads: see callback.h.
// Errors:  kUnavailable, kResourceExhausted (a bounded queue is full): nothing was changed; try
//          again. kDeadlineExceeded: too many jobs had to be looked at.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"
#include "producer/service/job_commands.h"

namespace millrace::service {

// A page of a list.
struct JobList {
    std::vector<storage::JobRecord> jobs;
    bool has_more = false;  // Jobs that match come after these.
};

// The outcome for the jobs that match a filter.
struct CancelTotals {
    std::int64_t cancelled = 0;   // At once, as no worker ran them.
    std::int64_t cancelling = 0;  // Their workers are being asked to stop.
    bool has_more = false;        // The call ended before it had looked at all jobs.
};

class JobScans {
 public:
    virtual ~JobScans() = default;

    virtual void list(storage::JobFilter filter, Callback<Result<JobList>> done) = 0;
    // Counts the matching jobs, but no further than `most`.
    virtual void count(storage::JobFilter filter, std::int64_t most,
                       Callback<Result<std::int64_t>> done) = 0;

    // Retries each job, as JobCommands does.
    virtual void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) = 0;
    // Likewise retries a page of the matching jobs that failed, expired or were cancelled, and that
    // were never retried.
    virtual void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) = 0;
    // Cancels the matching open jobs, `filter.limit` at most. has_more is also true if it stopped
    // at a limit of its own, or at an error after the first page. Calling it again continues.
    virtual void cancel_matching(storage::JobFilter filter,
                                 Callback<Result<CancelTotals>> done) = 0;
};

}  // namespace millrace::service
