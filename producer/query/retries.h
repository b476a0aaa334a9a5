// Retries by hand: jobs that ended badly are submitted again, each once, under ids of their own.
//
// Reads what is final and cannot change, the state and the spec, and submits that under the key of
// the old job: of all who retry it at once one makes the new job, the others are told of it.
//
// Specs are large, and are in memory from when they are read until their submission is answered. So
// they are counted, and who comes while there is no room for more waits for an answer.
//
// Threads: retry() one caller at a time, the others from any; answers come within the call, or from
//          where submissions are answered.
// Blocks:  retry(), as long as the store takes.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "common/storage/job_store.h"
#include "producer/intake/job_service.h"

namespace millrace::gateway {

struct RetriesOptions {
    std::size_t bytes_max = 8U << 20;  // Of specs in memory; one more job's may go beyond it.
};

class Retries {
 public:
    using SubmitMany =
        std::function<void(std::vector<SubmitRequest>, Callback<std::vector<SubmitResult>>)>;

    Retries(RetriesOptions options, storage::JobStore& store, SubmitMany submit)
        : options_(options), store_(store), submit_(std::move(submit)) {}

    // Whether another may begin.
    bool has_room() const;
    // How many wait for that.
    std::size_t waiting() const;
    // Whoever waits longest is told when there is room: within a call, or from where submissions
    // are answered. `go_on` says whether it makes use of that; if not, the next one is told. Calls
    // of retry() tell the one after it.
    void when_room(std::function<bool()> go_on);

    // One result an id, in order, of as many of the first as there is room for; of one at least.
    void retry(const std::vector<JobId>& ids, Callback<Result<RetryPage>> done);

    // Of those that match, the ones that may be retried and never were.
    static storage::JobFilter narrowed(storage::JobFilter filter);

 private:
    using Specs = std::vector<std::pair<JobId, JobSpec>>;

    // The results of `page` that are still to come are those of `specs`.
    void submit(RetryPage page, Specs specs, Callback<Result<RetryPage>> done);
    bool has_room_for(std::size_t more) const;
    void hold(std::size_t bytes);
    // Tells whoever waits that there may be room.
    void release(std::size_t bytes);

    const RetriesOptions options_;
    storage::JobStore& store_;
    const SubmitMany submit_;

    mutable std::mutex mutex_;
    std::size_t held_ = 0;                       // Bytes of specs that were read and not answered.
    std::deque<std::function<bool()>> waiting_;  // For room.
};

}  // namespace millrace::gateway
