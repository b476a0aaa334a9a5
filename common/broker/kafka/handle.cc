#include "common/broker/kafka/handle.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::broker::kafka {

using telemetry::Metric;

namespace {

using Conf = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;
using Reason = std::array<char, 512>;

Status set(rd_kafka_conf_t& conf, const Properties& properties) {
    for (const auto& [key, value] : properties) {
        Reason reason{};
        const auto result =
            rd_kafka_conf_set(&conf, key.c_str(), value.c_str(), reason.data(), reason.size());
        if (result == RD_KAFKA_CONF_OK) continue;
        return Error{ErrorCode::kInvalidArgument,
                     result == RD_KAFKA_CONF_UNKNOWN
                         ? "librdkafka does not know the property '" + key + "'"
                         : "librdkafka refuses the value of its property '" + key + "'"};
    }
    return ok();
}

}  // namespace

milliseconds until(MonoTime deadline) {
    return std::chrono::duration_cast<milliseconds>(deadline - system_clock().now());
}

int to_timeout(milliseconds duration) {
    using Rep = milliseconds::rep;
    return static_cast<int>(std::clamp<Rep>(duration.count(), 0, std::numeric_limits<int>::max()));
}

Result<Handle> Handle::make(rd_kafka_type_t type, const Properties& properties,
                            const Properties& extra, Callbacks callbacks) {
    Handle handle(std::make_unique<State>());
    handle.state_->callbacks = std::move(callbacks);
    Conf conf(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
    TRY_STATUS(set(*conf, properties));
    TRY_STATUS(set(*conf, extra));
    rd_kafka_conf_set_opaque(conf.get(), handle.state_.get());
    rd_kafka_conf_set_log_cb(conf.get(), &Handle::on_log);
    rd_kafka_conf_set_error_cb(conf.get(), &Handle::on_error);
    if (handle.state_->callbacks.on_rebalance) {
        rd_kafka_conf_set_rebalance_cb(conf.get(), &Handle::on_rebalance);
    }
    if (handle.state_->callbacks.on_undelivered) {
        rd_kafka_conf_set_dr_msg_cb(conf.get(), &Handle::on_delivery);
    }
    Reason reason{};
    handle.client_ = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
    if (handle.client_ == nullptr) {
        return Error{ErrorCode::kInvalidArgument,
                     "librdkafka refuses the configuration: " + std::string(reason.data())};
    }
    static_cast<void>(conf.release());  // The client owns it now.
    return handle;
}

Handle::Handle(Handle&& other) noexcept
    : state_(std::move(other.state_)), client_(std::exchange(other.client_, nullptr)) {}

Handle::~Handle() {
    if (client_ != nullptr) {
        rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
}

void Handle::on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
    // Syslog's levels. Whatever a broker does, the program has made no mistake, so it is at most a
    // warning.
    constexpr int kWarning = 4;
    constexpr int kInfo = 6;
    auto our_level = level <= kWarning ? LogLevel::kWarning
                     : level <= kInfo  ? LogLevel::kInfo
                                       : LogLevel::kDebug;
    // The mock cluster makes topics regardless of the setting, and with it we rely on that.
    if (std::string_view(facility) == "AUTOCREATE") our_level = LogLevel::kDebug;
    static_cast<State*>(rd_kafka_opaque(client))->reporter.report(our_level, facility, text);
}

void Handle::on_error(rd_kafka_t* client, int error, const char* reason, void* state) {
    auto& reporter = static_cast<State*>(state)->reporter;
    auto code = static_cast<rd_kafka_resp_err_t>(error);
    telemetry::count<Metric::kBrokerErrors>();
    if (code != RD_KAFKA_RESP_ERR__FATAL) {
        reporter.report(LogLevel::kWarning, rd_kafka_err2name(code), reason);
        return;
    }
    // The client stops working, for example because another process uses its instance id.
    Reason cause{};
    code = rd_kafka_fatal_error(client, cause.data(), cause.size());
    reporter.report(LogLevel::kError, rd_kafka_err2name(code), cause.data());
}

void Handle::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions, void* state) {
    static_cast<State*>(state)->callbacks.on_rebalance(error, *partitions);
}

void Handle::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* state) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        static_cast<State*>(state)->callbacks.on_undelivered(*message);
    }
}

}  // namespace millrace::broker::kafka
