#include <utility>

#include "common/wire/convert.h"
#include "common/wire/messages.h"
#include "millrace/v1/event.pb.h"

namespace millrace::wire {
namespace {

struct Writer {
    v1::Event& out;

    void operator()(const Started& started) const {
        out.mutable_started()->set_worker(started.worker);
    }
    void operator()(const Partial& partial) const {
        out.mutable_partial()->set_text(partial.text);
        if (partial.offset) out.mutable_partial()->set_offset(*partial.offset);
    }
    void operator()(const Progress& progress) const {
        out.mutable_progress()->set_fraction(progress.fraction);
        out.mutable_progress()->set_message(progress.message);
    }
    void operator()(const Finished& finished) const {
        out.mutable_finished()->set_state(static_cast<std::uint32_t>(finished.state));
    }
    void operator()(const Requeued& requeued) const {
        auto& message = *out.mutable_requeued();
        message.set_state(static_cast<std::uint32_t>(requeued.state));
        message.set_error_code(requeued.error_code);
        message.set_error_message(requeued.error_message);
    }
};

Result<JobState> state_from(std::uint32_t number) {
    TRY(const auto value, signed_from<int>(number, "state"));
    const auto state = job_state_from_number(value);
    if (!state) return corrupt("there is no job state " + std::to_string(number));
    return *state;
}

// Requires: `message` is of a known kind.
Result<Event> from_proto(v1::Event& message) {
    Event event;
    TRY(event.key.job, id_from<JobId>(message.job_id()));
    TRY(event.key.epoch, signed_from<Epoch>(message.epoch(), "epoch"));
    event.sequence = message.sequence();
    if (message.has_started()) {
        event.what = Started{std::move(*message.mutable_started()->mutable_worker())};
    } else if (message.has_partial()) {
        auto& what = *message.mutable_partial();
        Partial partial{.text = std::move(*what.mutable_text())};
        if (what.has_offset()) partial.offset = what.offset();
        event.what = std::move(partial);
    } else if (message.has_progress()) {
        event.what = Progress{message.progress().fraction(),
                              std::move(*message.mutable_progress()->mutable_message())};
    } else if (message.has_finished()) {
        TRY(const auto state, state_from(message.finished().state()));
        event.what = Finished{state};
    } else {
        auto& what = *message.mutable_requeued();
        TRY(const auto state, state_from(what.state()));
        event.what = Requeued{state, std::move(*what.mutable_error_code()),
                              std::move(*what.mutable_error_message())};
    }
    return event;
}

}  // namespace

std::string encode(const std::vector<Event>& events) {
    v1::EventBatch batch;
    batch.mutable_events()->Reserve(static_cast<int>(events.size()));
    for (const auto& event : events) {
        auto& message = *batch.add_events();
        message.set_job_id(id_bytes(event.key.job.uuid()));
        message.set_epoch(static_cast<std::uint64_t>(event.key.epoch));
        message.set_sequence(event.sequence);
        std::visit(Writer{message}, event.what);
    }
    return batch.SerializeAsString();
}

Result<std::vector<Event>> decode_events(std::string_view bytes) {
    TRY(auto batch, parse<v1::EventBatch>(bytes, "EventBatch"));
    std::vector<Event> events;
    events.reserve(static_cast<std::size_t>(batch.events_size()));
    for (auto& message : *batch.mutable_events()) {
        // A kind of event that only a newer writer knows.
        if (message.what_case() == v1::Event::WHAT_NOT_SET) continue;
        TRY(auto event, from_proto(message));
        events.push_back(std::move(event));
    }
    return events;
}

}  // namespace millrace::wire
