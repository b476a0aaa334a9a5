// Submits jobs.
//
// Threads: see callback.h.
// Errors:  kUnavailable       nothing was accepted; try again;
//          kResourceExhausted a bounded queue is full; try again later;
//          kOutcomeUnknown    the job may have been accepted; get it by `SubmitError::id`;
//          kInvalidArgument   unknown queue, or data that the store cannot hold.
#pragma once

#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"

namespace millrace::service {

struct SubmitRequest {
    JobSpec spec;
    std::optional<storage::DbTime> run_at;
    std::optional<storage::IdempotencyKey> idempotency;
    std::optional<JobId> retry_of;
};

struct SubmitReply {
    JobId id;
    JobState state = JobState::kQueued;
    bool replayed = false;    // The idempotency key was known: `id` is the earlier job.
    bool key_reused = false;  // The key belongs to another request; nothing was accepted.
};

// A failed submission still names the job if the outcome of its commit is unknown.
struct SubmitError {
    Error error;
    std::optional<JobId> id;  // kOutcomeUnknown: the id of the job if it was accepted.
};

using SubmitResult = boost::system::result<SubmitReply, SubmitError>;

// [[noreturn]]: argument-dependent lookup finds this when `.value()` meets an error.
[[noreturn]] void throw_exception_from_error(const SubmitError& error,
                                             const boost::source_location& location);

class Submissions {
 public:
    virtual ~Submissions() = default;

    // Submits one job, as part of a group commit.
    virtual void submit(SubmitRequest request, Callback<SubmitResult> done) = 0;
    // Submits many jobs, in one commit if they fit; one result per request, in order.
    virtual void submit_many(std::vector<SubmitRequest> requests,
                             Callback<std::vector<SubmitResult>> done) = 0;
};

}  // namespace millrace::service
