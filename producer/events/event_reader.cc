#include "producer/events/event_reader.h"

#include <utility>

#include "common/telemetry/telemetry.h"
#include "common/wire/messages.h"

namespace millrace::events {

using telemetry::Metric;

namespace {

constexpr std::size_t kMessagesMax = 1000;  // Per step.

// Translates one kind of event into a notice; returns the metric's label.
struct Teller {
    service::JobNotice& notice;

    std::string_view operator()(wire::Started& started) const {
        notice.kind = service::JobNotice::Kind::kStarted;
        notice.text = std::move(started.worker);
        return "started";
    }
    std::string_view operator()(wire::Partial& partial) const {
        notice.kind = service::JobNotice::Kind::kPartial;
        notice.text = std::move(partial.text);
        notice.offset = partial.offset;
        return "partial";
    }
    std::string_view operator()(wire::Progress& progress) const {
        notice.kind = service::JobNotice::Kind::kProgress;
        notice.text = std::move(progress.message);
        notice.fraction = progress.fraction;
        return "progress";
    }
    std::string_view operator()(wire::Finished& finished) const {
        notice.kind = service::JobNotice::Kind::kFinished;
        notice.state = finished.state;
        return "finished";
    }
    std::string_view operator()(wire::Requeued& requeued) const {
        notice.kind = service::JobNotice::Kind::kRequeued;
        notice.state = requeued.state;
        notice.error_code = std::move(requeued.error_code);
        notice.text = std::move(requeued.error_message);
        return "requeued";
    }
};

}  // namespace

void EventReader::step(milliseconds timeout) {
    const auto messages = subscriber_->poll(kMessagesMax, timeout);
    if (messages.empty()) return;
    telemetry::count<Metric::kMessagesConsumed>(messages.size(), "events");
    // Decoding is most of the cost, and often nobody is waiting.
    if (hub_.idle()) return;
    for (const auto& message : messages) deliver(message);
}

void EventReader::deliver(const broker::IncomingMessage& message) {
    auto events = wire::decode_events(message.value);
    if (!events) {
        telemetry::count<Metric::kMessagesMalformed>(1, "events");
        return;
    }
    for (auto& event : *events) {
        service::JobNotice notice;
        notice.epoch = event.key.epoch;
        notice.sequence = event.sequence;
        const auto label = std::visit(Teller{notice}, event.what);
        telemetry::count<Metric::kEventsReceived>(1, label);
        hub_.notify(event.key.job, notice);
    }
}

}  // namespace millrace::events
