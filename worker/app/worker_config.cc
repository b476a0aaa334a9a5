#include "worker/app/worker_config.h"

#include <unistd.h>

#include <array>

#include "common/base/text.h"

namespace millrace::worker {

using config::Config;
using config::Setting;

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
    return name.data();
}

// The name goes into rows and events, but a host's name may contain any bytes.
std::string worker_name(const Config& config) {
    const auto& name = config.get<Setting::kWorkerName>();
    return storable(name.empty() ? host_name() + "-" + std::to_string(getpid()) : name);
}

schedule::BatchOptions batch_options(const Config& config) {
    const bool is_fixed = config.get<Setting::kWorkerBatchMode>() == "fixed";
    return {.mode = is_fixed ? schedule::BatchMode::kFixed : schedule::BatchMode::kAdaptive,
            .size = config.size<Setting::kWorkerBatchSize>(),
            .delay = config.get<Setting::kWorkerBatchDelay>(),
            .claim_ahead = config.get<Setting::kWorkerBatchClaimAhead>(),
            .bytes_max = config.size<Setting::kWorkerBatchBytesMax>()};
}

}  // namespace

WorkerOptions worker_options(const Config& c) {
    const auto name = worker_name(c);
    const auto output_bytes_max = c.size<Setting::kWorkerOutputBytesMax>();
    return {
        .name = name,
        .host = host_name(),
        .queues = c.get<Setting::kQueues>(),
        .topic_prefix = c.get<Setting::kKafkaTopicPrefix>(),
        .partitions = c.integer<Setting::kKafkaPartitions>(),
        .lane_buffer_max = c.size<Setting::kWorkerLaneBufferMax>(),
        .share_high = c.integer<Setting::kWorkerLaneShareHigh>(),
        .share_normal = c.integer<Setting::kWorkerLaneShareNormal>(),
        .share_low = c.integer<Setting::kWorkerLaneShareLow>(),
        .heartbeat_interval = c.get<Setting::kWorkerHeartbeatInterval>(),
        .lease = {.ttl = c.get<Setting::kWorkerLeaseTtl>(),
                  .margin = c.get<Setting::kWorkerLeaseMargin>()},
        .offsets = {.lag_messages_max = c.size<Setting::kWorkerOffsetLagMessagesMax>(),
                    .lag_max = c.get<Setting::kWorkerOffsetLagMax>()},
        .outputs = {.bytes_max = output_bytes_max,
                    .partial_interval = c.get<Setting::kWorkerPartialInterval>()},
        .executor = {.worker_name = name,
                     .slots_max = c.size<Setting::kWorkerSlots>(),
                     .batch = batch_options(c),
                     .output_bytes_max = output_bytes_max,
                     .preemptions_max = c.integer<Setting::kWorkerPreemptionsMax>()},
        .claims = {.batch_max = c.size<Setting::kWorkerClaimBatchMax>(),
                   .share_rules = {.strict = c.get<Setting::kWorkerStrictPriority>(),
                                   .age_max = c.get<Setting::kWorkerLaneAgeMax>()},
                   .preempt_after = c.get<Setting::kWorkerPreemptAfter>(),
                   .steal = {.bound = c.get<Setting::kWorkerStealInterval>(),
                             .margin = c.get<Setting::kWorkerStealMargin>(),
                             .batch_max = c.size<Setting::kWorkerClaimBatchMax>(),
                             .bytes_max = c.size<Setting::kWorkerClaimBytesMax>()}},
        .completions = {.batch_max = c.size<Setting::kWorkerCompleteBatchMax>(),
                        .batch_bytes_max = c.size<Setting::kWorkerCompleteBytesMax>(),
                        .job_backoff = {.base = c.get<Setting::kJobBackoffBase>(),
                                        .max = c.get<Setting::kJobBackoffMax>()}},
        .drain = {.timeout = c.get<Setting::kWorkerDrainTimeout>()},
    };
}

}  // namespace millrace::worker
