// Writes outcomes to the store. The outcomes that wait become one fenced settlement, bounded in
// jobs and in bytes. Only its acknowledgement (or refusal) frees the slots.
//
// While the store is unreachable, outcomes are kept and sent again, with the fence under which
// their jobs were claimed. A batch that cannot be stored is split until the outcome at fault is
// found; the others succeed. An output that cannot be stored becomes failed / invalid_output. A
// failure that cannot be stored remains that failure, with its retries, and only loses its message.
//
// Threads:   hand_back() from any thread; step() has one caller at a time.
// Blocks:    step(), in one call of the store.
#pragma once

#include <atomic>
#include <deque>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "worker/execute/ended_attempts.h"
#include "worker/execute/event_stream.h"
#include "worker/execute/executor.h"

namespace millrace::execute {

struct CompletionWriterOptions {
    std::size_t batch_max = 500;
    std::size_t batch_bytes_max = 64 << 20;  // A larger outcome is written alone.
    BackoffPolicy job_backoff;               // For jobs that will be tried again.
    BackoffPolicy store_backoff{.base = milliseconds(100), .max = milliseconds(5000)};
};

class CompletionWriter {
 public:
    CompletionWriter(storage::JobStore& store, EndedAttempts& ended, Executor& executor,
                     EventStream& events, const Clock& clock, Random& random,
                     CompletionWriterOptions options);

    // Gives back an attempt that the store counts as `worker`'s but that is not held.
    void hand_back(WorkerId worker, const AttemptKey& key);

    // Writes at most one batch. True if more can be written at once.
    bool step();

 private:
    struct Pending {
        std::uint32_t sequence = 0;
        std::string queue;  // Empty if unknown: for attempts that were handed back.
        Priority priority = Priority::kNormal;
        bool replaced_outcome = false;
    };
    // The attempts of one statement; the two lists run in parallel.
    struct Batch {
        WorkerId worker;
        std::vector<storage::SettledAttempt> attempts;
        std::vector<Pending> pending;
        std::size_t bytes = 0;  // Size of the outputs, error codes and messages.
    };

    void collect();
    void append(WorkerId worker, storage::SettledAttempt attempt, Pending pending);
    void acknowledge(const Batch& batch, const std::vector<storage::SettledReply>& replies);
    void fail(const Error& error);
    void bisect(Batch batch);
    static void replace(storage::SettledAttempt& attempt);

    storage::JobStore& store_;
    EndedAttempts& ended_;
    Executor& executor_;
    EventStream& events_;
    const Clock& clock_;
    Random& random_;
    const CompletionWriterOptions options_;

    Mutex mutex_;
    std::vector<std::pair<WorkerId, AttemptKey>> handed_back_ GUARDED_BY(mutex_);

    // Used only by the caller of step().
    std::deque<Batch> batches_;
    int failures_ = 0;  // Consecutive failures of the store.
    MonoTime retry_at_;
};

}  // namespace millrace::execute
