// The asynchronous calls behind everything a client can do: the seam between the HTTP API and the
// rest.
//
// The API validates requests and handles JSON; the service commits, reads and waits. Calls never
// block. Every callback is called exactly once and must not block. It is called later, on one of
// the service's threads, or within the call if the answer is at hand (a full queue, a known model).
// So do not hold a lock that the callback takes too.
//
// Errors: kUnavailable       nothing was accepted or changed; try again;
//         kResourceExhausted a bounded queue is full; try again later;
//         kOutcomeUnknown    the job may have been accepted; get it by `SubmitError::id`;
//         kInvalidArgument   unknown queue, or data that the store cannot hold;
//         kNotFound          no such job.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/records.h"

namespace millrace::gateway {

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

// The outcome for the jobs that match a filter.
struct CancelTotals {
    std::int64_t cancelled = 0;   // At once, as no worker ran them.
    std::int64_t cancelling = 0;  // Their workers are being asked to stop.
    bool has_more = false;        // It stopped before it had seen all of them.
};

// [[noreturn]]: argument-dependent lookup finds this when `.value()` meets an error.
[[noreturn]] void throw_exception_from_error(const SubmitError& error,
                                             const boost::source_location& location);

template <class T>
using Callback = std::function<void(T)>;

// A waiter's registration. Destroying it ends the wait; afterwards no callback begins, though one
// may still be running.
class Subscription {
 public:
    virtual ~Subscription() = default;
};

// A notice to a watcher of one job. `epoch` and `sequence` order the notices; a higher epoch means
// that the job runs again and earlier partial output is void.
struct JobNotice {
    enum class Kind { kStarted, kPartial, kProgress, kRequeued, kFinished };
    Kind kind = Kind::kFinished;
    Epoch epoch = 0;
    std::uint32_t sequence = 0;
    // kPartial: the text to append. kProgress, kRequeued: the message. kStarted: the worker's name.
    std::string text;
    std::optional<std::uint64_t> offset{};  // kPartial: the bytes of the epoch's text before it.
    double fraction = 0;                    // kProgress.
    JobState state = JobState::kCompleted;  // kFinished, kRequeued.
    std::string error_code{};               // kRequeued: why the attempt ended, if known.
};

// A page of a list.
struct JobList {
    std::vector<storage::JobRecord> jobs;
    bool has_more = false;  // Jobs that match come after these.
};

struct Readiness {
    bool store_commits = false;
    bool workers_consume = false;  // At least one live worker.
    bool schema_current = false;
    std::string detail;  // For people: what is missing.
};

class JobService {
 public:
    virtual ~JobService() = default;

    // Submits one job, as part of a group commit.
    virtual void submit(SubmitRequest request, Callback<SubmitResult> done) = 0;
    // Submits many jobs, in one commit if they fit; one result per request, in order.
    virtual void submit_many(std::vector<SubmitRequest> requests,
                             Callback<std::vector<SubmitResult>> done) = 0;

    virtual void get(JobId id, storage::JobFields fields,
                     Callback<Result<storage::JobRecord>> done) = 0;
    // Finds the job with this client id.
    virtual void find(std::string client_id, Callback<Result<JobId>> done) = 0;
    virtual void list(storage::JobFilter filter, Callback<Result<JobList>> done) = 0;
    // Counts the matching jobs, but no further than `most`.
    virtual void count(storage::JobFilter filter, std::int64_t most,
                       Callback<Result<std::int64_t>> done) = 0;
    // Submits the jobs' specs again, each once: a repeated call returns the same retry.
    virtual void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) = 0;
    // Likewise retries a page of the matching jobs that failed, expired or were cancelled, and that
    // were never retried.
    virtual void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) = 0;
    // Returns the job's record after the call.
    virtual void cancel(JobId id, Callback<Result<storage::JobRecord>> done) = 0;

    // Likewise cancels the matching open jobs, `filter.limit` at most. has_more is also true if the
    // service stopped at a limit of its own, or at an error after the first page. Calling it again
    // continues.
    virtual void cancel_matching(storage::JobFilter filter,
                                 Callback<Result<CancelTotals>> done) = 0;

    // Calls `notice` whenever something happens to the job from now on. kFinished comes at least
    // once if the job ends while subscribed, even if the event was lost, because final states are
    // probed. Read the row after subscribing, not before. Returns null at the limit of waiters.
    virtual std::unique_ptr<Subscription> watch(JobId id, Callback<const JobNotice&> notice) = 0;

    virtual void lanes(Callback<Result<std::vector<storage::LaneStats>>> done) = 0;
    virtual void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) = 0;
    virtual void readiness(Callback<Readiness> done) = 0;

    // Answers from memory: the queues that exist, and whether a model is configured or known to
    // some worker of the queue. An unknown model may have been announced a moment ago, so the
    // service looks again, at most once a second, before it says no.
    virtual std::vector<std::string> queues() const = 0;
    virtual void model_known(std::string queue, std::string model, Callback<bool> done) = 0;
    virtual std::vector<std::string> models(const std::string& queue) const = 0;
    // Whether a worker that takes jobs serves the model; if none does, its jobs wait. The answer is
    // up to a second old; true if it is unknown.
    virtual bool has_worker(const std::string& queue, const std::string& model) const = 0;

    // An estimate of PostgreSQL's clock, for `run_at` and for ages in answers.
    virtual storage::DbTime database_now() const = 0;
};

}  // namespace millrace::gateway
