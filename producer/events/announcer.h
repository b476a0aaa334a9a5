// Announces what this gateway did to jobs: to the waiters, here and at other gateways, and to the
// workers that run the jobs. It makes things faster; nothing depends on it.
//
// Threads:   thread-safe.
// Blocks:    never.
#pragma once

#include <vector>

#include "common/broker/broker.h"
#include "common/job/job.h"
#include "common/job/job_state.h"
#include "common/storage/records.h"
#include "common/wire/messages.h"
#include "producer/events/event_hub.h"

namespace millrace::events {

struct FinishedJob {
    AttemptKey key;
    JobState state = JobState::kCompleted;
};

class Announcer {
 public:
    Announcer(broker::Topics topics, broker::Publisher& publisher, EventHub& hub)
        : topics_(std::move(topics)), publisher_(publisher), hub_(hub) {}

    void finished(const std::vector<FinishedJob>& jobs);
    // Announces what a cancel did, to the jobs' waiters or to their workers.
    void cancelled(const std::vector<storage::CancelledJob>& jobs);
    void cancel(const std::vector<wire::CancelAttempt>& orders);
    void hint(const wire::LaneHints& hints);

 private:
    void publish(const std::vector<broker::OutgoingMessage>& messages, std::string_view channel);

    const broker::Topics topics_;
    broker::Publisher& publisher_;
    EventHub& hub_;
};

}  // namespace millrace::events
