// Publishes what this worker sends over the conveyor: events of its attempts, in batches, and
// dispatches of jobs that it gave back.
//
// Kafka only makes waiting shorter, so no job is held up for this: what does not fit is dropped and
// counted.
//
// Threads:   thread-safe; step() has one caller at a time.
// Blocks:    never.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/broker/broker.h"
#include "common/wire/messages.h"
#include "worker/execute/output_feed.h"

namespace millrace::execute {

struct EventStreamOptions {
    std::string key;  // The same for all events, so that those of an attempt stay in order.
    std::size_t waiting_max = 100000;  // Events and dispatches together.
};

class EventStream {
 public:
    EventStream(broker::Publisher& publisher, const broker::Topics& topics, OutputFeed& outputs,
                EventStreamOptions options);

    // Called when the first item is added to an empty stream. Set it before anything is added.
    void on_first(std::function<void()> callback) { on_first_ = std::move(callback); }

    void add(std::vector<wire::Event> events);
    // Announces that the job is queued again.
    void dispatch(const JobId& job, const std::string& queue, Priority priority);

    // Publishes everything that waits.
    void step();

 private:
    void send(std::vector<broker::OutgoingMessage> messages);
    bool make_room(std::size_t count) REQUIRES(mutex_);

    broker::Publisher& publisher_;
    const broker::Topics topics_;
    OutputFeed& outputs_;
    const EventStreamOptions options_;
    std::function<void()> on_first_;

    Mutex mutex_;
    std::vector<wire::Event> events_ GUARDED_BY(mutex_);
    std::vector<broker::OutgoingMessage> dispatches_ GUARDED_BY(mutex_);
};

}  // namespace millrace::execute
