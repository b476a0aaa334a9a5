#include "worker/consume/control_listener.h"

#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::consume {

using telemetry::Metric;

namespace {
constexpr std::size_t kPollMax = 1000;
}

ControlListener::ControlListener(broker::Subscriber& subscriber, LaneHints& hints,
                                 OnCancel on_cancel)
    : subscriber_(subscriber), hints_(hints), on_cancel_(std::move(on_cancel)) {}

void ControlListener::step(milliseconds timeout) {
    for (const auto& message : subscriber_.poll(kPollMax, timeout)) {
        telemetry::count<Metric::kMessagesConsumed>(1, "control");
        const auto order = wire::decode_control(message.value);
        if (!order.has_value()) {
            telemetry::count<Metric::kMessagesMalformed>(1, "control");
            log_warning("skipped a message that is not an order",
                        {{"offset", message.offset}, {"error", order.error().message}});
            continue;
        }
        if (const auto* hints = std::get_if<wire::LaneHints>(&*order)) {
            hints_.take(*hints);
        } else {
            on_cancel_(std::get<wire::CancelAttempt>(*order));
        }
    }
}

}  // namespace millrace::consume
