#include "common/wire/convert.h"
#include "common/wire/messages.h"
#include "common/wire/spec.h"
#include "millrace/v1/control.pb.h"

namespace millrace::wire {
namespace {

// Durations above 49 days become the maximum that fits.
std::uint32_t clamped(milliseconds duration) {
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(duration.count(), 0, kMost));
}

void add_order(const CancelAttempt& order, v1::Control& out) {
    auto& cancel = *out.mutable_cancel_attempt();
    cancel.set_job_id(id_bytes(order.key.job.uuid()));
    cancel.set_epoch(static_cast<std::uint64_t>(order.key.epoch));
    cancel.set_worker_id(id_bytes(order.worker.uuid()));
}

void add_order(const LaneHints& hints, v1::Control& out) {
    auto& message = *out.mutable_lane_hints();
    message.set_measured_at_ms(hints.measured_at.count());
    message.set_interval_ms(clamped(hints.interval));
    message.set_complete(hints.is_complete);
    for (const auto& lane : hints.lanes) {
        auto& entry = *message.add_lanes();
        entry.set_queue(lane.queue);
        entry.set_priority(to_proto(lane.priority));
        entry.set_oldest_ms(clamped(lane.oldest));
        entry.set_model(lane.model);
    }
}

Result<CancelAttempt> order_from(const v1::CancelAttempt& message) {
    CancelAttempt order;
    TRY(order.key.job, id_from<JobId>(message.job_id()));
    TRY(order.key.epoch, signed_from<Epoch>(message.epoch(), "epoch"));
    TRY(order.worker, id_from<WorkerId>(message.worker_id()));
    return order;
}

Result<LaneHints> hints_from(const v1::LaneHints& message) {
    LaneHints hints{.measured_at = milliseconds(message.measured_at_ms()),
                    .interval = milliseconds(message.interval_ms()),
                    .is_complete = message.complete(),
                    .lanes = {}};
    for (const auto& entry : message.lanes()) {
        auto& lane = hints.lanes.emplace_back();
        lane.queue = entry.queue();
        lane.model = entry.model();
        lane.oldest = milliseconds(entry.oldest_ms());
        TRY(lane.priority, from_proto(entry.priority()));
    }
    return hints;
}

}  // namespace

std::string encode(const Control& control) {
    v1::Control message;
    std::visit([&](const auto& order) { add_order(order, message); }, control);
    return message.SerializeAsString();
}

Result<Control> decode_control(std::string_view bytes) {
    TRY(const auto message, parse<v1::Control>(bytes, "Control"));
    switch (message.order_case()) {
        case v1::Control::kCancelAttempt: {
            TRY(auto order, order_from(message.cancel_attempt()));
            return Control(order);
        }
        case v1::Control::kLaneHints: {
            TRY(auto hints, hints_from(message.lane_hints()));
            return Control(std::move(hints));
        }
        default:
            return corrupt("an unknown order");
    }
}

}  // namespace millrace::wire
