// Watches jobs.
//
// Threads: watch() from any, and never blocks. Notices come on the services' threads and must not
//          block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/job/job.h"
#include "common/job/job_state.h"
#include "producer/service/callback.h"

namespace millrace::service {

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

class JobEvents {
 public:
    virtual ~JobEvents() = default;

    // Calls `notice` whenever something happens to the job from now on. kFinished comes at least
    // once if the job ends while subscribed, even if the event was lost, because final states are
    // probed. Read the row after subscribing, not before. Returns null at the limit of waiters.
    virtual std::unique_ptr<Subscription> watch(JobId id, Callback<const JobNotice&> notice) = 0;
};

}  // namespace millrace::service
