#include "common/wire/convert.h"
#include "common/wire/messages.h"
#include "millrace/v1/control.pb.h"

namespace millrace::wire {

std::string encode(const CancelAttempt& order) {
    v1::Control message;
    auto& cancel = *message.mutable_cancel_attempt();
    cancel.set_job_id(id_bytes(order.key.job.uuid()));
    cancel.set_epoch(static_cast<std::uint64_t>(order.key.epoch));
    cancel.set_worker_id(id_bytes(order.worker.uuid()));
    return message.SerializeAsString();
}

Result<CancelAttempt> decode_control(std::string_view bytes) {
    TRY(const auto message, parse<v1::Control>(bytes, "Control"));
    if (!message.has_cancel_attempt()) return corrupt("an order that is not known here");
    CancelAttempt order;
    TRY(order.key.job, id_from<JobId>(message.cancel_attempt().job_id()));
    TRY(order.key.epoch, signed_from<Epoch>(message.cancel_attempt().epoch(), "epoch"));
    TRY(order.worker, id_from<WorkerId>(message.cancel_attempt().worker_id()));
    return order;
}

}  // namespace millrace::wire
