#include "producer/events/announcer.h"

#include "common/telemetry/telemetry.h"

namespace millrace::events {

using telemetry::Metric;

void Announcer::finished(const std::vector<FinishedJob>& jobs) {
    if (jobs.empty()) return;
    std::vector<wire::Event> events;
    events.reserve(jobs.size());
    for (const auto& job : jobs) {
        events.push_back({job.key, 0, wire::Finished{job.state}});
        service::JobNotice notice;
        notice.kind = service::JobNotice::Kind::kFinished;
        notice.epoch = job.key.epoch;
        notice.state = job.state;
        hub_.notify(job.key.job, notice);
    }
    publish({{topics_.events(), "", wire::encode(events)}}, "events");
}

void Announcer::cancelled(const std::vector<storage::CancelledJob>& jobs) {
    std::vector<wire::CancelAttempt> orders;
    std::vector<FinishedJob> ended;
    for (const auto& job : jobs) {
        const AttemptKey key{job.id, job.epoch};
        if (job.state == JobState::kCancelling && job.worker) orders.push_back({key, *job.worker});
        if (job.state == JobState::kCancelled) ended.push_back({key, job.state});
    }
    cancel(orders);
    finished(ended);
}

void Announcer::cancel(const std::vector<wire::CancelAttempt>& orders) {
    if (orders.empty()) return;
    std::vector<broker::OutgoingMessage> messages;
    messages.reserve(orders.size());
    for (const auto& order : orders) {
        messages.push_back({topics_.control(), "", wire::encode(order)});
    }
    publish(messages, "control");
}

void Announcer::hint(const wire::LaneHints& hints) {
    publish({{topics_.control(), "", wire::encode(hints)}}, "control");
}

void Announcer::publish(const std::vector<broker::OutgoingMessage>& messages,
                        std::string_view channel) {
    const auto taken = publisher_.publish(messages);
    telemetry::count<Metric::kMessagesPublished>(taken, channel);
    if (taken == messages.size()) return;
    const auto lost = messages.size() - taken;
    telemetry::count<Metric::kPublishFailures>(lost, channel);
}

}  // namespace millrace::events
