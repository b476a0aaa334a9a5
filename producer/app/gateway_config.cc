#include "producer/app/gateway_config.h"

#include <algorithm>

namespace millrace::gateway {

using config::Config;
using config::Setting;

namespace {

template <class Unit, Setting S>
Unit in(const Config& config) {
    return std::chrono::duration_cast<Unit>(config.get<S>());
}

keeper::KeeperOptions keeper_options(const Config& c) {
    using std::chrono::hours;
    using std::chrono::seconds;
    return {
        .interval = c.get<Setting::kKeeperInterval>(),
        .page = c.integer<Setting::kKeeperPage>(),
        .deadline_grace = c.get<Setting::kKeeperDeadlineGrace>(),
        .lease_ttl = c.get<Setting::kWorkerLeaseTtl>(),
        .losses_max = c.integer<Setting::kJobMaxLosses>(),
        .worker_retention = in<seconds, Setting::kKeeperWorkerRetention>(c),
        .partitions = {.interval = in<hours, Setting::kKeeperPartitionInterval>(c),
                       .premake = c.integer<Setting::kKeeperPartitionPremake>(),
                       .retention = in<hours, Setting::kKeeperPartitionRetention>(c)},
        .hint_interval = c.get<Setting::kKeeperHintInterval>(),
    };
}

}  // namespace

server::ServerOptions server_options(const Config& c) {
    return {
        .host = c.get<Setting::kGatewayHost>(),
        .port = static_cast<std::uint16_t>(c.get<Setting::kGatewayPort>()),
        .threads = c.integer<Setting::kGatewayThreads>(),
        .connections_max = c.integer<Setting::kGatewayConnectionsMax>(),
        .body_bytes_max = c.size<Setting::kGatewayBodyBytesMax>(),
        .bodies_bytes_max = c.size<Setting::kGatewayBodiesBytesMax>(),
        .peer_bodies_bytes_max = c.size<Setting::kGatewayPeerBodiesBytesMax>(),
        .header_timeout = c.get<Setting::kGatewayHeaderTimeout>(),
        .body_timeout = c.get<Setting::kGatewayBodyTimeout>(),
        .body_stall_timeout = c.get<Setting::kGatewayBodyStallTimeout>(),
        .idle_timeout = c.get<Setting::kGatewayIdleTimeout>(),
    };
}

api::codec::ApiOptions api_options(const Config& c) {
    api::codec::ApiOptions options{
        .json_depth_max = c.integer<Setting::kGatewayJsonDepthMax>(),
        .submit_jobs_max = c.integer<Setting::kGatewaySubmitJobsMax>(),
        .wait_max = c.get<Setting::kGatewayWaitMax>(),
        .idempotency_ttl = c.get<Setting::kIdempotencyTtl>(),
        .sdk_retries = c.get<Setting::kIdempotencySdkRetries>(),
        .sdk_timeout = c.get<Setting::kIdempotencySdkTimeout>(),
        .retry_jobs_max = c.integer<Setting::kGatewayRetryJobsMax>(),
        .cancel_jobs_max = c.integer<Setting::kGatewayCancelJobsMax>(),
        .page_size_default = c.integer<Setting::kGatewayPageSizeDefault>(),
        .page_size_max = c.integer<Setting::kGatewayPageSizeMax>(),
        .attempts_default = c.integer<Setting::kJobMaxAttempts>(),
        .execution_timeout_default = c.get<Setting::kJobExecutionTimeout>(),
        .ttl_default = c.get<Setting::kJobTtl>(),
        .metadata_pairs_max = c.integer<Setting::kJobMetadataMax>(),
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
        .partitions = c.integer<Setting::kKafkaPartitions>(),
        .waiters_max = c.size<Setting::kGatewayWaitersMax>(),
        .probe_interval = c.get<Setting::kEventsProbeInterval>(),
        .topics_interval = c.get<Setting::kKafkaTopicsInterval>(),
        .intake = {.batch_max = c.size<Setting::kIntakeBatchMax>(),
                   .queue_max = c.size<Setting::kIntakeQueueMax>(),
                   .in_doubt_max = c.get<Setting::kIntakeInDoubtMax>()},
        .dispatch = {.queue_max = c.size<Setting::kDispatchQueueMax>(),
                     .pace = c.get<Setting::kDispatchPace>(),
                     .inline_bytes_max = c.size<Setting::kDispatchInlineBytesMax>()},
        .reader = {.batch_max = c.size<Setting::kQueryBatchMax>(),
                   .queue_max = c.size<Setting::kQueryQueueMax>()},
        .retries = {.bytes_max = c.size<Setting::kQueryRetryBytesMax>()},
        .commands = {.batch_max = c.size<Setting::kQueryBatchMax>(),
                     .queue_max = c.size<Setting::kQueryQueueMax>(),
                     .lease_ttl = c.get<Setting::kWorkerLeaseTtl>()},
        .scans = {.batch_max = c.integer<Setting::kQueryBatchMax>(),
                  .time_max = c.get<Setting::kQueryScanTimeMax>(),
                  .queue_max = c.size<Setting::kQueryQueueMax>()},
        .lanes = {.queue_max = c.size<Setting::kQueryQueueMax>()},
        .keeper = keeper_options(c),
    };
}

}  // namespace millrace::gateway
