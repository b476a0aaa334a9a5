#include "producer/gateway_config.h"

#include <algorithm>

namespace millrace::gateway {

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

template <class Unit, Setting S>
Unit in(const Config& config) {
    return std::chrono::duration_cast<Unit>(config.get<S>());
}

LogLevel log_level(const std::string& name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warning") return LogLevel::kWarning;
    return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

KeeperOptions keeper_options(const Config& c) {
    using std::chrono::hours;
    using std::chrono::seconds;
    return {
        .interval = c.get<Setting::kKeeperInterval>(),
        .page = integer<Setting::kKeeperPage>(c),
        .deadline_grace = c.get<Setting::kKeeperDeadlineGrace>(),
        .lease_ttl = c.get<Setting::kWorkerLeaseTtl>(),
        .losses_max = integer<Setting::kJobMaxLosses>(c),
        .idempotency_ttl = in<seconds, Setting::kIdempotencyTtl>(c),
        .worker_retention = in<seconds, Setting::kKeeperWorkerRetention>(c),
        .partitions = {.interval = in<hours, Setting::kKeeperPartitionInterval>(c),
                       .premake = integer<Setting::kKeeperPartitionPremake>(c),
                       .retention = in<hours, Setting::kKeeperPartitionRetention>(c)},
    };
}

}  // namespace

LogOptions log_options(const Config& c) {
    return {
        .level = log_level(c.get<Setting::kLogLevel>()),
        .format = c.get<Setting::kLogFormat>() == "json" ? LogFormat::kJson : LogFormat::kText,
        .program = "millrace-gateway",
    };
}

storage::PostgresOptions postgres_options(const Config& c) {
    return {
        .conninfo = c.get<Setting::kPostgresConninfo>(),
        .application_name = "millrace-gateway",
        .connect_timeout = c.get<Setting::kPostgresConnectTimeout>(),
        .statement_timeout = c.get<Setting::kPostgresStatementTimeout>(),
    };
}

broker::KafkaOptions kafka_options(const Config& c) {
    return {
        .bootstrap = c.get<Setting::kKafkaBootstrap>(),
        .client_id = "millrace-gateway",
        .replication_factor = integer<Setting::kKafkaReplicationFactor>(c),
        .fetch_wait_max = c.get<Setting::kKafkaFetchWaitMax>(),
        .session_timeout = c.get<Setting::kKafkaSessionTimeout>(),
        .heartbeat_interval = c.get<Setting::kKafkaHeartbeatInterval>(),
        .message_timeout = c.get<Setting::kKafkaMessageTimeout>(),
        .buffer_messages_max = integer<Setting::kKafkaBufferMessagesMax>(c),
        .extra = c.get<Setting::kKafkaExtra>(),
    };
}

api::ApiOptions api_options(const Config& c) {
    api::ApiOptions options{
        .host = c.get<Setting::kGatewayHost>(),
        .port = static_cast<std::uint16_t>(c.get<Setting::kGatewayPort>()),
        .threads = integer<Setting::kGatewayThreads>(c),
        .connections_max = integer<Setting::kGatewayConnectionsMax>(c),
        .body_bytes_max = size<Setting::kGatewayBodyBytesMax>(c),
        .json_depth_max = integer<Setting::kGatewayJsonDepthMax>(c),
        .submit_jobs_max = integer<Setting::kGatewaySubmitJobsMax>(c),
        .header_timeout = c.get<Setting::kGatewayHeaderTimeout>(),
        .body_timeout = c.get<Setting::kGatewayBodyTimeout>(),
        .idle_timeout = c.get<Setting::kGatewayIdleTimeout>(),
        .wait_max = c.get<Setting::kGatewayWaitMax>(),
        .page_size_default = integer<Setting::kGatewayPageSizeDefault>(c),
        .page_size_max = integer<Setting::kGatewayPageSizeMax>(c),
        .attempts_default = integer<Setting::kJobMaxAttempts>(c),
        .execution_timeout_default = c.get<Setting::kJobExecutionTimeout>(),
        .ttl_default = c.get<Setting::kJobTtl>(),
        .metadata_pairs_max = integer<Setting::kJobMetadataMax>(c),
    };
    const auto& queues = c.get<Setting::kQueues>();
    const bool has_default = std::ranges::find(queues, options.queue_default) != queues.end();
    if (!has_default && !queues.empty()) options.queue_default = queues.front();
    return options;
}

GatewayOptions gateway_options(const Config& c) {
    return {
        .queues = c.get<Setting::kQueues>(),
        .models = c.get<Setting::kModels>(),
        .topic_prefix = c.get<Setting::kKafkaTopicPrefix>(),
        .partitions = integer<Setting::kKafkaPartitions>(c),
        .waiters_max = size<Setting::kGatewayWaitersMax>(c),
        .probe_interval = c.get<Setting::kEventsProbeInterval>(),
        .topics_interval = c.get<Setting::kKafkaTopicsInterval>(),
        .intake = {.batch_max = size<Setting::kIntakeBatchMax>(c),
                   .queue_max = size<Setting::kIntakeQueueMax>(c),
                   .in_doubt_max = c.get<Setting::kIntakeInDoubtMax>()},
        .dispatch = {.queue_max = size<Setting::kDispatchQueueMax>(c),
                     .pace = c.get<Setting::kDispatchPace>(),
                     .inline_bytes_max = size<Setting::kDispatchInlineBytesMax>(c)},
        .reader = {.batch_max = size<Setting::kQueryBatchMax>(c),
                   .queue_max = size<Setting::kQueryQueueMax>(c)},
        .commands = {.batch_max = size<Setting::kQueryBatchMax>(c),
                     .queue_max = size<Setting::kQueryQueueMax>(c),
                     .lease_ttl = c.get<Setting::kWorkerLeaseTtl>()},
        .keeper = keeper_options(c),
    };
}

}  // namespace millrace::gateway
