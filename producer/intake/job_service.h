// What clients can do, as asynchronous calls: the seam between the HTTP API and all behind it.
//
// The API validates what came over the wire and speaks JSON; the service commits, reads and waits.
// Calls never block. Every callback is called exactly once and must not block: later, from one of
// the service's threads, or within the call where the answer is at hand (a full queue, a known
// model). So hold no lock over a call that the callback takes too.
//
// Errors: kUnavailable       nothing was accepted or changed; try again;
//         kResourceExhausted a bounded queue is full; try again later;
//         kOutcomeUnknown    the job may have been accepted: ask for `SubmitError::id`;
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
    bool replayed = false;    // The idempotency key was known: `id` is the earlier job's.
    bool key_reused = false;  // It was known for another request: nothing was accepted.
};

// A failed submit still names the job where its commit is in doubt.
struct SubmitError {
    Error error;
    std::optional<JobId> id;  // kOutcomeUnknown: the id it will have if it was accepted.
};

using SubmitResult = boost::system::result<SubmitReply, SubmitError>;

// What became of a job that was to be retried: its retry, which `replayed` says was there already.
// Or kNotFound; kConflict where the job neither failed, nor expired, nor was cancelled.
struct RetryResult {
    JobId job;
    SubmitResult retry;
};

struct RetryPage {
    std::vector<RetryResult> jobs;
    bool has_more = false;  // Further ones match.
};

// What became of the jobs that a filter meant.
struct CancelTotals {
    std::int64_t cancelled = 0;   // At once: nobody ran them.
    std::int64_t cancelling = 0;  // Their workers are being told.
    bool has_more = false;        // It stopped before it had looked at all.
};

// [[noreturn]]: found by argument-dependent lookup when `.value()` meets an error.
[[noreturn]] void throw_exception_from_error(const SubmitError& error,
                                             const boost::source_location& location);

template <class T>
using Callback = std::function<void(T)>;

// A waiter's registration; destroying it ends the wait, and no callback begins afterwards but one
// that is already running.
class Subscription {
 public:
    virtual ~Subscription() = default;
};

// What a watcher of one job is told. `epoch` and `sequence` order it; a rising epoch means that the
// job runs anew and earlier partial output is void.
struct JobNotice {
    enum class Kind { kStarted, kPartial, kProgress, kRequeued, kFinished };
    Kind kind = Kind::kFinished;
    Epoch epoch = 0;
    std::uint32_t sequence = 0;
    // kPartial: to append. kProgress, kRequeued: the message. kStarted: worker's name.
    std::string text;
    std::optional<std::uint64_t> offset{};  // kPartial: bytes of the epoch's text before it.
    double fraction = 0;                    // kProgress.
    JobState state = JobState::kCompleted;  // kFinished, kRequeued.
    std::string error_code{};               // kRequeued: why the attempt ended, where known.
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

    // One submission; joins the group commit.
    virtual void submit(SubmitRequest request, Callback<SubmitResult> done) = 0;
    // Many, committed together where they fit; one result per request, in order.
    virtual void submit_many(std::vector<SubmitRequest> requests,
                             Callback<std::vector<SubmitResult>> done) = 0;

    virtual void get(JobId id, storage::JobFields fields,
                     Callback<Result<storage::JobRecord>> done) = 0;
    // The job to which a client gave this id.
    virtual void find(std::string client_id, Callback<Result<JobId>> done) = 0;
    virtual void list(storage::JobFilter filter,
                      Callback<Result<std::pair<std::vector<storage::JobRecord>, bool>>> done) = 0;
    // How many jobs match; counts no further than `most`.
    virtual void count(storage::JobFilter filter, std::int64_t most,
                       Callback<Result<std::int64_t>> done) = 0;
    // Submits the jobs' specs again, each once: who asks again is told of the same retry.
    virtual void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) = 0;
    // Likewise a page of those that match, failed, expired or were cancelled, and were never
    // retried.
    virtual void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) = 0;
    // The job's record after the call.
    virtual void cancel(JobId id, Callback<Result<storage::JobRecord>> done) = 0;

    // Likewise the open ones that match, `filter.limit` at most; has_more also where the service
    // stopped at a limit of its own, or at an error after the first page. Asked again it goes on.
    virtual void cancel_matching(storage::JobFilter filter,
                                 Callback<Result<CancelTotals>> done) = 0;

    // Calls `notice` whenever something happens to the job, from now on; kFinished at least once if
    // it finishes while subscribed (also when the event was lost: final states are probed). Read
    // the row after subscribing, not before. Null when the limit of waiters is reached.
    virtual std::unique_ptr<Subscription> watch(JobId id, Callback<const JobNotice&> notice) = 0;

    virtual void lanes(Callback<Result<std::vector<storage::LaneStats>>> done) = 0;
    virtual void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) = 0;
    virtual void readiness(Callback<Readiness> done) = 0;

    // Answers from memory: queues that exist, and whether a model is known to some worker of the
    // queue (or configured). An unknown model may have been announced a moment ago: the service
    // looks again, at most once a second, before it says no.
    virtual std::vector<std::string> queues() const = 0;
    virtual void model_known(std::string queue, std::string model, Callback<bool> done) = 0;
    virtual std::vector<std::string> models(const std::string& queue) const = 0;
    // Whether a worker that takes jobs serves the model: where none does, its jobs wait. As of a
    // second ago; true where nobody knows.
    virtual bool has_worker(const std::string& queue, const std::string& model) const = 0;

    // PostgreSQL's clock, estimated; for `run_at` and ages in answers.
    virtual storage::DbTime database_now() const = 0;
};

}  // namespace millrace::gateway
