// Publishes queued jobs to their lanes soon after they are committed.
//
// Nothing depends on a publish: if a message is dropped, lost or published twice, a worker still
// finds the job in its row. So nobody waits for Kafka here, and a full queue drops what does not
// fit.
//
// The pacer publishes at once if the last publish is at least `pace` ago, otherwise as soon as it
// is. A lone job does not wait, while under load jobs gather into batches, since Kafka costs per
// request.
//
// Threads:   offer() from any; step() and run() one caller at a time.
// Blocks:    run(), until it is stopped; nothing else.
#pragma once

#include <condition_variable>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/uuid.h"
#include "common/broker/broker.h"
#include "common/job/priority.h"

namespace millrace::dispatch {

struct QueuedJob {
    JobId id;
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string encoded_spec;  // Empty: the worker reads it from the store.
};

struct DispatcherOptions {
    std::size_t queue_max = 100000;  // Jobs that wait to be published.
    milliseconds pace{2};
    std::size_t inline_bytes_max = 65536;  // Larger specs are left out of the message.
};

class Dispatcher {
 public:
    Dispatcher(DispatcherOptions options, const Clock& clock, broker::Topics topics,
               broker::Publisher& publisher);

    // Takes as many jobs as fit, from the front; drops and counts the rest.
    void offer(std::vector<QueuedJob> jobs);

    // Publishes every waiting job, unless the last publish is too recent. Returns false if it
    // published nothing.
    bool step();

    // Calls step() whenever there is something to do. Once stopped, it publishes what is left and
    // returns.
    void run(const std::stop_token& stop);

 private:
    void publish(const std::vector<QueuedJob>& jobs);
    std::string encode(const QueuedJob& job) const;

    const DispatcherOptions options_;
    const Clock& clock_;
    const broker::Topics topics_;
    broker::Publisher& publisher_;

    MonoTime last_publish_ = MonoTime::min();  // Only the caller of step().

    Mutex mutex_;
    std::condition_variable_any offered_;
    std::vector<QueuedJob> waiting_ GUARDED_BY(mutex_);
};

}  // namespace millrace::dispatch
