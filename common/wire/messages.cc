#include "common/wire/messages.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <limits>

#include "millrace/v1/control.pb.h"
#include "millrace/v1/dispatch.pb.h"
#include "millrace/v1/event.pb.h"
#include "millrace/v1/job.pb.h"

namespace millrace::wire {
namespace {

Error corrupt(std::string_view what) {
    return {ErrorCode::kDataCorrupt, "not a " + std::string(what) + " of proto/millrace/v1"};
}

template <class Message>
bool parse(std::string_view bytes, Message& message) {
    return bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
           message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string id_bytes(const Uuid& uuid) {
    return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

template <class Id>
std::optional<Id> id_of(const std::string& bytes) {
    Uuid uuid;
    if (bytes.size() != uuid.bytes.size()) return std::nullopt;
    std::ranges::copy(bytes, uuid.bytes.begin());
    return Id(uuid);
}

std::optional<milliseconds> limit_of(std::uint64_t ms) {
    if (ms == 0) return std::nullopt;
    return milliseconds(ms);
}

std::uint64_t ms_of(const std::optional<milliseconds>& limit) {
    return limit ? static_cast<std::uint64_t>(limit->count()) : 0;
}

void fill(const JobSpec& spec, v1::JobSpec& message) {
    message.set_queue(spec.queue);
    message.set_priority(static_cast<v1::Priority>(static_cast<int>(spec.priority) + 1));
    message.set_model(spec.model);
    message.set_input_json(spec.input_json);
    message.set_metadata_json(spec.metadata_json);
    auto& policy = *message.mutable_policy();
    policy.set_execution_timeout_ms(
        static_cast<std::uint64_t>(spec.policy.execution_timeout.count()));
    policy.set_start_within_ms(ms_of(spec.policy.start_within));
    policy.set_ttl_ms(ms_of(spec.policy.ttl));
    policy.set_attempts_max(static_cast<std::uint32_t>(spec.policy.attempts_max));
}

Result<JobSpec> spec_of(v1::JobSpec& message) {
    const auto priority = static_cast<int>(message.priority());
    if (priority < v1::PRIORITY_HIGH || priority > v1::PRIORITY_LOW) return corrupt("JobSpec");
    const auto& policy = message.policy();
    return JobSpec{.queue = std::move(*message.mutable_queue()),
                   .priority = static_cast<Priority>(priority - 1),
                   .model = std::move(*message.mutable_model()),
                   .input_json = std::move(*message.mutable_input_json()),
                   .metadata_json = std::move(*message.mutable_metadata_json()),
                   .policy = {.execution_timeout = milliseconds(policy.execution_timeout_ms()),
                              .start_within = limit_of(policy.start_within_ms()),
                              .ttl = limit_of(policy.ttl_ms()),
                              .attempts_max = static_cast<int>(policy.attempts_max())}};
}

struct EventFiller {
    v1::Event& message;

    void operator()(const Started& started) const {
        message.mutable_started()->set_worker(started.worker);
    }
    void operator()(const Partial& partial) const {
        message.mutable_partial()->set_text(partial.text);
    }
    void operator()(const Progress& progress) const {
        message.mutable_progress()->set_fraction(progress.fraction);
        message.mutable_progress()->set_message(progress.message);
    }
    void operator()(const Finished& finished) const {
        message.mutable_finished()->set_state(static_cast<std::uint32_t>(finished.state));
    }
    void operator()(const Requeued& requeued) const {
        message.mutable_requeued()->set_state(static_cast<std::uint32_t>(requeued.state));
    }
};

// Nothing for an event that is of a kind from the future.
Result<std::optional<Event>> event_of(v1::Event& message) {
    const auto job = id_of<JobId>(message.job_id());
    if (!job) return corrupt("Event");
    Event event{.key = {.job = *job, .epoch = static_cast<Epoch>(message.epoch())},
                .sequence = message.sequence()};
    const auto state_of = [](std::uint32_t number) {
        return job_state_from_number(static_cast<int>(number));
    };
    switch (message.what_case()) {
        case v1::Event::kStarted:
            event.what = Started{std::move(*message.mutable_started()->mutable_worker())};
            break;
        case v1::Event::kPartial:
            event.what = Partial{std::move(*message.mutable_partial()->mutable_text())};
            break;
        case v1::Event::kProgress:
            event.what = Progress{.fraction = message.progress().fraction(),
                                  .message = message.progress().message()};
            break;
        case v1::Event::kFinished: {
            const auto state = state_of(message.finished().state());
            if (!state) return corrupt("Event");
            event.what = Finished{*state};
            break;
        }
        case v1::Event::kRequeued: {
            const auto state = state_of(message.requeued().state());
            if (!state) return corrupt("Event");
            event.what = Requeued{*state};
            break;
        }
        case v1::Event::WHAT_NOT_SET:
            return std::optional<Event>();
    }
    return std::optional<Event>(std::move(event));
}

}  // namespace

std::string encode_spec(const JobSpec& spec) {
    v1::JobSpec message;
    fill(spec, message);
    return message.SerializeAsString();
}

Result<JobSpec> decode_spec(std::string_view bytes) {
    v1::JobSpec message;
    if (!parse(bytes, message)) return corrupt("JobSpec");
    return spec_of(message);
}

std::string encode(const Dispatch& dispatch) {
    v1::Dispatch message;
    message.set_job_id(id_bytes(dispatch.job.uuid()));
    if (dispatch.spec) fill(*dispatch.spec, *message.mutable_spec());
    return message.SerializeAsString();
}

std::string encode_dispatch(const JobId& job, std::string_view encoded_spec) {
    using google::protobuf::internal::WireFormatLite;
    std::string bytes;
    {
        google::protobuf::io::StringOutputStream stream(&bytes);
        google::protobuf::io::CodedOutputStream coded(&stream);
        WireFormatLite::WriteBytes(v1::Dispatch::kJobIdFieldNumber, id_bytes(job.uuid()), &coded);
        // An embedded message is written as bytes are: tag, length, content.
        WireFormatLite::WriteBytes(v1::Dispatch::kSpecFieldNumber, std::string(encoded_spec),
                                   &coded);
    }
    return bytes;
}

Result<Dispatch> decode_dispatch(std::string_view bytes) {
    v1::Dispatch message;
    if (!parse(bytes, message)) return corrupt("Dispatch");
    const auto job = id_of<JobId>(message.job_id());
    if (!job) return corrupt("Dispatch");
    Dispatch dispatch{.job = *job};
    if (message.has_spec()) {
        TRY(dispatch.spec, spec_of(*message.mutable_spec()));
    }
    return dispatch;
}

std::string encode(const std::vector<Event>& events) {
    v1::EventBatch batch;
    for (const auto& event : events) {
        auto& message = *batch.add_events();
        message.set_job_id(id_bytes(event.key.job.uuid()));
        message.set_epoch(static_cast<std::uint64_t>(event.key.epoch));
        message.set_sequence(event.sequence);
        std::visit(EventFiller{message}, event.what);
    }
    return batch.SerializeAsString();
}

Result<std::vector<Event>> decode_events(std::string_view bytes) {
    v1::EventBatch batch;
    if (!parse(bytes, batch)) return corrupt("EventBatch");
    std::vector<Event> events;
    events.reserve(static_cast<std::size_t>(batch.events_size()));
    for (auto& message : *batch.mutable_events()) {
        TRY(auto event, event_of(message));
        if (event) events.push_back(*std::move(event));
    }
    return events;
}

std::string encode(const CancelAttempt& order) {
    v1::Control message;
    auto& cancel = *message.mutable_cancel_attempt();
    cancel.set_job_id(id_bytes(order.key.job.uuid()));
    cancel.set_epoch(static_cast<std::uint64_t>(order.key.epoch));
    cancel.set_worker_id(id_bytes(order.worker.uuid()));
    return message.SerializeAsString();
}

Result<CancelAttempt> decode_control(std::string_view bytes) {
    v1::Control message;
    if (!parse(bytes, message) || !message.has_cancel_attempt()) return corrupt("Control");
    const auto& cancel = message.cancel_attempt();
    const auto job = id_of<JobId>(cancel.job_id());
    const auto worker = id_of<WorkerId>(cancel.worker_id());
    if (!job || !worker) return corrupt("Control");
    return CancelAttempt{.key = {.job = *job, .epoch = static_cast<Epoch>(cancel.epoch())},
                         .worker = *worker};
}

}  // namespace millrace::wire
