// Takes submissions and commits them in groups. Whatever arrives during one commit forms the next,
// so that a lone job never waits and many share the cost.
//
// A submission is answered after its jobs are committed; then the jobs go to the dispatcher. If the
// outcome of a commit is unknown, its ids are read and inserted again until it is known or the
// submissions have waited `in_doubt_max`.
//
// Threads:   submit(), submit_many() and close() from any; step() and run() one caller at a time,
//            on whose thread all later answers come.
// Errors:    those of a submission are in submissions.h.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
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
#include "producer/service/submissions.h"

namespace millrace::intake {

struct IntakeOptions {
    std::size_t batch_max = 500;    // Jobs in one commit.
    std::size_t queue_max = 20000;  // Accepted jobs without an answer; more are refused.
    milliseconds in_doubt_max{5000};
    milliseconds in_doubt_retry{100};  // Between two looks at the same batch.
};

class Intake final : public service::Submissions {
 public:
    Intake(IntakeOptions options, const Clock& clock, Random& random, storage::JobStore& store,
           dispatch::Dispatcher& dispatcher);
    ~Intake() override;

    void submit(service::SubmitRequest request,
                service::Callback<service::SubmitResult> done) override;
    void submit_many(std::vector<service::SubmitRequest> requests,
                     service::Callback<std::vector<service::SubmitResult>> done) override;

    // Looks at the commits in doubt that are due, then commits one batch of the waiting jobs; waits
    // for some until `wait_until`. Returns false if there was nothing to do.
    bool step(MonoTime wait_until = MonoTime::min());

    // Calls step() until close() was called and everything is answered.
    void run();
    // Refuses submissions from now on.
    void close() { queue_.close(); }

 private:
    struct Submission;
    struct Ticket;
    struct Pending;
    struct Batch;
    using Group = std::vector<Pending>;

    Group make_group(std::vector<service::SubmitRequest> requests,
                     service::Callback<std::vector<service::SubmitResult>> done);
    Batch next_batch(MonoTime wait_until);
    Status name_jobs(Batch& batch);

    void insert(Batch batch);
    void accept(Batch batch, const std::vector<storage::InsertedJob>& inserted);
    void refuse(Batch batch, const Error& error);
    void split(Batch batch, const Error& error);
    void answer(Ticket& ticket, service::SubmitResult result);

    void keep_in_doubt(Batch batch);
    bool resolve_due();
    void resolve(Batch batch);
    // Accepts the jobs that are in the store, and returns the others.
    Result<Batch> accept_committed(Batch& batch);

    const IntakeOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    dispatch::Dispatcher& dispatcher_;

    std::atomic<std::size_t> admitted_ = 0;  // Jobs without an answer yet.
    runtime::BoundedQueue<Group> queue_;

    // Only the caller of step():
    UuidGenerator ids_;
    std::deque<Group> backlog_;  // Taken from the queue, but too many for the last batch.
    std::deque<Batch> in_doubt_;
};

}  // namespace millrace::intake
