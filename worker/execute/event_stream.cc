#include "worker/execute/event_stream.h"

#include <algorithm>
#include <iterator>

#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

namespace {

// Limits of one message, well below what brokers accept by default.
constexpr std::size_t kBatchEventsMax = 500;
constexpr std::size_t kBatchTextMax = 256 << 10;

std::size_t text_bytes(const wire::Event& event) {
    if (const auto* partial = std::get_if<wire::Partial>(&event.what)) return partial->text.size();
    if (const auto* progress = std::get_if<wire::Progress>(&event.what)) {
        return progress->message.size();
    }
    const auto* requeued = std::get_if<wire::Requeued>(&event.what);
    return requeued == nullptr ? 0 : requeued->error_code.size() + requeued->error_message.size();
}

}  // namespace

EventStream::EventStream(broker::Publisher& publisher, const broker::Topics& topics,
                         OutputFeed& outputs, EventStreamOptions options)
    : publisher_(publisher), topics_(topics), outputs_(outputs), options_(std::move(options)) {}

void EventStream::add(std::vector<wire::Event> events) {
    if (events.empty()) return;
    bool first = false;
    {
        const MutexLock lock(mutex_);
        first = events_.empty() && dispatches_.empty();
        if (!make_room(events.size())) return;
        events_.insert(events_.end(), std::make_move_iterator(events.begin()),
                       std::make_move_iterator(events.end()));
    }
    if (first && on_first_) on_first_();
}

void EventStream::dispatch(const JobId& job, const std::string& queue, Priority priority) {
    bool first = false;
    {
        const MutexLock lock(mutex_);
        first = events_.empty() && dispatches_.empty();
        if (!make_room(1)) return;
        // The spec stays in the store: jobs are seldom given back, and their input is not kept
        // here.
        dispatches_.push_back({.topic = topics_.jobs(queue, priority),
                               .key = {},
                               .value = wire::encode(wire::Dispatch{.job = job, .spec = {}})});
    }
    if (first && on_first_) on_first_();
}

void EventStream::step() {
    std::vector<wire::Event> outputs;
    std::vector<wire::Event> events;
    std::vector<broker::OutgoingMessage> messages;
    {
        // Taken together under the lock. So an attempt's start is in here, or was taken before,
        // whenever its output is in here; and so is its output whenever its end is.
        const MutexLock lock(mutex_);
        outputs = outputs_.take_events();
        events = std::exchange(events_, {});
        messages = std::exchange(dispatches_, {});
    }
    if (!messages.empty()) send(std::exchange(messages, {}));

    const auto ends = std::stable_partition(events.begin(), events.end(), [](const auto& event) {
        return std::holds_alternative<wire::Started>(event.what);
    });
    events.insert(ends, std::make_move_iterator(outputs.begin()),
                  std::make_move_iterator(outputs.end()));
    std::vector<wire::Event> batch;
    std::size_t bytes = 0;
    const auto close_batch = [&] {
        if (batch.empty()) return;
        messages.push_back(
            {.topic = topics_.events(), .key = options_.key, .value = wire::encode(batch)});
        batch.clear();
        bytes = 0;
    };
    for (auto& event : events) {
        if (batch.size() == kBatchEventsMax || bytes > kBatchTextMax) close_batch();
        bytes += text_bytes(event);
        batch.push_back(std::move(event));
    }
    close_batch();
    if (!messages.empty()) send(std::move(messages));
}

void EventStream::send(std::vector<broker::OutgoingMessage> messages) {
    const auto* channel = messages.front().topic == topics_.events() ? "events" : "jobs";
    const auto taken = publisher_.publish(messages);
    telemetry::count<Metric::kMessagesPublished>(taken, channel);
    if (taken == messages.size()) return;
    telemetry::count<Metric::kPublishFailures>(messages.size() - taken, channel);
}

bool EventStream::make_room(std::size_t count) {
    if (events_.size() + dispatches_.size() + count <= options_.waiting_max) return true;
    telemetry::count<Metric::kPublishFailures>(count, "events");
    return false;
}

}  // namespace millrace::execute
