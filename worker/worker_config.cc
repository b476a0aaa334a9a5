#include "worker/worker_config.h"

#include <unistd.h>

#include <array>

namespace millrace::worker {

using config::Config;
using config::Setting;

namespace {

template <Setting S>
std::size_t size(const Config& config) {
    return static_cast<std::size_t>(config.get<S>());
}

template <Setting S>
int integer(const Config& config) {
    return static_cast<int>(config.get<S>());
}

LogLevel log_level(const std::string& name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warning") return LogLevel::kWarning;
    return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
    return name.data();
}

std::string worker_name(const Config& config) {
    const auto& name = config.get<Setting::kWorkerName>();
    return name.empty() ? host_name() + "-" + std::to_string(getpid()) : name;
}

}  // namespace

LogOptions log_options(const Config& c) {
    return {
        .level = log_level(c.get<Setting::kLogLevel>()),
        .format = c.get<Setting::kLogFormat>() == "json" ? LogFormat::kJson : LogFormat::kText,
        .program = "millrace-worker",
    };
}

broker::KafkaOptions kafka_options(const Config& c) {
    return {
        .bootstrap = c.get<Setting::kKafkaBootstrap>(),
        .client_id = "millrace-worker",
        .replication_factor = integer<Setting::kKafkaReplicationFactor>(c),
        .fetch_wait_max = c.get<Setting::kKafkaFetchWaitMax>(),
        .session_timeout = c.get<Setting::kKafkaSessionTimeout>(),
        .heartbeat_interval = c.get<Setting::kKafkaHeartbeatInterval>(),
        .message_timeout = c.get<Setting::kKafkaMessageTimeout>(),
        .buffer_messages_max = integer<Setting::kKafkaBufferMessagesMax>(c),
        .extra = c.get<Setting::kKafkaExtra>(),
    };
}

storage::PostgresOptions postgres_options(const Config& c) {
    return {
        .conninfo = c.get<Setting::kPostgresConninfo>(),
        .application_name = "millrace-worker",
        .connect_timeout = c.get<Setting::kPostgresConnectTimeout>(),
        .statement_timeout = c.get<Setting::kPostgresStatementTimeout>(),
    };
}

WorkerOptions worker_options(const Config& c) {
    const auto name = worker_name(c);
    const auto output_bytes_max = size<Setting::kWorkerOutputBytesMax>(c);
    return {
        .name = name,
        .host = host_name(),
        .queues = c.get<Setting::kQueues>(),
        .topic_prefix = c.get<Setting::kKafkaTopicPrefix>(),
        .partitions = integer<Setting::kKafkaPartitions>(c),
        .lane_buffer_max = size<Setting::kWorkerLaneBufferMax>(c),
        .share_high = integer<Setting::kWorkerLaneShareHigh>(c),
        .share_normal = integer<Setting::kWorkerLaneShareNormal>(c),
        .share_low = integer<Setting::kWorkerLaneShareLow>(c),
        .heartbeat_interval = c.get<Setting::kWorkerHeartbeatInterval>(),
        .lease = {.ttl = c.get<Setting::kWorkerLeaseTtl>(),
                  .margin = c.get<Setting::kWorkerLeaseMargin>()},
        .offsets = {.lag_messages_max = size<Setting::kWorkerOffsetLagMessagesMax>(c),
                    .lag_max = c.get<Setting::kWorkerOffsetLagMax>()},
        .outputs = {.bytes_max = output_bytes_max,
                    .checkpoint_interval = c.get<Setting::kWorkerPartialInterval>()},
        .executor = {.worker_name = name,
                     .slots_max = size<Setting::kWorkerSlots>(c),
                     .output_bytes_max = output_bytes_max},
        .claims = {.batch_max = size<Setting::kWorkerClaimBatchMax>(c),
                   .strict_priority = c.get<Setting::kWorkerStrictPriority>(),
                   .steal = {.bound = c.get<Setting::kWorkerStealInterval>(),
                             .margin = c.get<Setting::kWorkerStealMargin>(),
                             .batch_max = size<Setting::kWorkerClaimBatchMax>(c)}},
        .completions = {.batch_max = size<Setting::kWorkerCompleteBatchMax>(c),
                        .job_backoff = {.base = c.get<Setting::kJobBackoffBase>(),
                                        .max = c.get<Setting::kJobBackoffMax>()}},
        .drain = {.timeout = c.get<Setting::kWorkerDrainTimeout>()},
    };
}

}  // namespace millrace::worker
