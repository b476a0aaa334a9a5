// Takes submissions and commits them in groups: what arrived while one commit was under way
// becomes the next, so that a lone job never waits and a crowd shares the cost.
//
// A submission is answered after its jobs are committed, and they are handed to the dispatcher
// then. Where a commit's outcome is in doubt, its ids are read and inserted again until it is known
// or its submissions have waited `in_doubt_max`.
//
// Threads:   submit(), submit_many() and close() from any; step() and run() one caller at a time,
//            from which all later answers come.
// Errors:    of a submission: see job_service.h.
// Blocks:    step() and run(), as long as the store takes and until the given time.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/dispatch/dispatcher.h"
#include "producer/intake/job_service.h"

namespace millrace::gateway {

struct IntakeOptions {
    std::size_t batch_max = 500;    // Jobs in one commit.
    std::size_t queue_max = 20000;  // Jobs accepted and not answered; more are refused.
    milliseconds in_doubt_max{5000};
    milliseconds in_doubt_retry{100};  // Between two looks at the same doubt.
};

class Intake {
 public:
    Intake(IntakeOptions options, const Clock& clock, Random& random, storage::JobStore& store,
           Dispatcher& dispatcher);
    ~Intake();

    void submit(SubmitRequest request, Callback<SubmitResult> done);
    // Jobs of one call share a commit where they fit into one.
    void submit_many(std::vector<SubmitRequest> requests, Callback<std::vector<SubmitResult>> done);

    // Looks at doubts that are due, then commits one batch of what waits; waits for some until
    // `wait_until`. False: there was nothing to do.
    bool step(MonoTime wait_until = MonoTime::min());

    // step() until close() was called and everything is answered.
    void run();
    // Refuses submissions from now on.
    void close() { queue_.close(); }

 private:
    struct Submission;
    struct Ticket;
    struct Pending;
    struct Batch;
    using Group = std::vector<Pending>;

    Group make_group(std::vector<SubmitRequest> requests, Callback<std::vector<SubmitResult>> done);
    Batch next_batch(MonoTime wait_until);
    Status name_jobs(Batch& batch);

    void insert(Batch batch);
    void accept(Batch batch, const std::vector<storage::InsertedJob>& inserted);
    void refuse(Batch batch, const Error& error);
    void split(Batch batch, const Error& error);
    void answer(Ticket& ticket, SubmitResult result);

    void keep_in_doubt(Batch batch);
    bool resolve_due();
    void resolve(Batch batch);
    // Accepts the jobs that the store has, and returns the others.
    Result<Batch> accept_committed(Batch& batch);

    const IntakeOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    Dispatcher& dispatcher_;

    std::atomic<std::size_t> admitted_ = 0;  // Jobs not answered yet.
    runtime::BoundedQueue<Group> queue_;

    // Only the caller of step():
    UuidGenerator ids_;
    std::deque<Group> backlog_;  // Taken from the queue; did not fit into the last batch.
    std::deque<Batch> in_doubt_;
};

}  // namespace millrace::gateway
