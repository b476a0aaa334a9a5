// Retries by hand: jobs that ended badly are submitted again, each once, under ids of their own.
//
// Reads what is final and cannot change, the state and the spec, and submits that under the key of
// the old job: of all who retry it at once one makes the new job, the others are told of it.
//
// Threads: one caller at a time; answers come within the call, or from where submissions are
//          answered.
// Blocks:  as long as the store takes.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "common/storage/job_store.h"
#include "producer/intake/job_service.h"

namespace millrace::gateway {

class Retries {
 public:
    using SubmitMany =
        std::function<void(std::vector<SubmitRequest>, Callback<std::vector<SubmitResult>>)>;

    Retries(storage::JobStore& store, SubmitMany submit)
        : store_(store), submit_(std::move(submit)) {}

    // One result an id, in order.
    void retry(const std::vector<JobId>& ids, Callback<Result<RetryPage>> done);

    // Of those that match, the ones that may be retried and never were.
    static storage::JobFilter narrowed(storage::JobFilter filter);

 private:
    // The results of `page` that are still to come are those of `jobs`.
    void submit(RetryPage page, const std::vector<JobId>& jobs, Callback<Result<RetryPage>> done);

    storage::JobStore& store_;
    const SubmitMany submit_;
};

}  // namespace millrace::gateway
