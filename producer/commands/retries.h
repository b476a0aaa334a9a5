// Retries by hand: submits jobs that ended badly again, each once, under new ids.
//
// A retry reads what is final and cannot change, the state and the spec, and submits the spec under
// the key of the old job. If several callers retry it at once, one creates the new job and the
// others receive that one.
//
// Specs are large, and stay in memory from their read until their submission is answered. So their
// bytes are counted, over all callers, and a retry for which there is no room waits for an answer.
//
// Threads: thread-safe; answers come within the call, or on the thread where submissions are
//          answered.
// Blocks:  retry(), for as long as the store takes.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/storage/job_store.h"
#include "producer/service/job_commands.h"

namespace millrace::commands {

struct RetriesOptions {
    // Specs in memory; one more job's spec for each caller of retry() may exceed it.
    std::size_t bytes_max = 8U << 20;
};

class Retries {
 public:
    using SubmitMany = std::function<void(std::vector<service::SubmitRequest>,
                                          service::Callback<std::vector<service::SubmitResult>>)>;

    Retries(RetriesOptions options, SubmitMany submit)
        : options_(options), submit_(std::move(submit)) {}

    // Whether another retry may begin.
    bool has_room() const;
    // The number of calls that wait for room.
    std::size_t waiting() const;
    // Calls `go_on` once there is room, in the order of these calls: within this call, within one
    // of retry(), or from where submissions are answered. `go_on` returns whether it is going to
    // call retry(), at whose end the next one is called; after a false the next one is called at
    // once.
    void when_room(std::function<bool()> go_on);

    // One result for each id, in order, for as many of the first as there is room for; for at least
    // one. Reads from `store`, which belongs to the caller.
    void retry(storage::JobStore& store, const std::vector<JobId>& ids,
               service::Callback<Result<service::RetryPage>> done);

    // Narrows the filter to jobs that may be retried and never were.
    static storage::JobFilter narrowed(storage::JobFilter filter);

 private:
    using Specs = std::vector<std::pair<JobId, JobSpec>>;

    // The missing results of `page` are those of `specs`, of which `bytes` are held.
    void submit(service::RetryPage page, Specs&& specs, std::size_t bytes,
                service::Callback<Result<service::RetryPage>> done);
    void hold(std::size_t bytes) EXCLUDES(mutex_);
    void release(std::size_t bytes) EXCLUDES(mutex_);
    // Calls the `go_on` that has waited longest, if there is room.
    void call_next() EXCLUDES(mutex_);

    const RetriesOptions options_;
    const SubmitMany submit_;

    mutable Mutex mutex_;
    // Bytes of specs without an answer yet.
    std::size_t held_ GUARDED_BY(mutex_) = 0;
    // Waiting for room.
    std::deque<std::function<bool()>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace millrace::commands
