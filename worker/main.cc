// millrace-worker: runs jobs. The wiring of its parts is worker/worker.h; here are the adapters and
// the settings.
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/startup.h"
#include "common/runtime/signals.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/telemetry/telemetry.h"
#include "worker/backends_table.h"
#include "worker/worker.h"

namespace millrace {
namespace {

using config::Config;
using config::Setting;

template <Setting S>
std::size_t size(const Config& config) {
    return static_cast<std::size_t>(config.get<S>());
}

template <Setting S>
int integer(const Config& config) {
    return static_cast<int>(config.get<S>());
}

std::string host_name() {
    char name[256] = {};
    if (gethostname(name, sizeof(name) - 1) != 0) return "unknown";
    return name;
}

std::string worker_name(const Config& config) {
    const auto& name = config.get<Setting::kWorkerName>();
    return name.empty() ? host_name() + "-" + std::to_string(getpid()) : name;
}

worker::WorkerOptions worker_options(const Config& c) {
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

int run(const Config& config) {
    init_logging(config::log_options(config, "millrace-worker"));
    telemetry::declare(telemetry::Part::kWorker);
    runtime::Signals signals;

    auto backends = worker::make_backends(config);
    if (!backends.has_value()) {
        log_error("cannot start", {{"error", backends.error().message}});
        return EXIT_FAILURE;
    }
    const auto open_store = storage::postgres_store(postgres_options(config));
    const auto broker = broker::make_kafka_broker(kafka_options(config));
    worker::Worker worker(open_store, *broker, *std::move(backends), worker_options(config));
    if (const auto started = worker.start(); !started.has_value()) {
        log_error("cannot start", {{"error", started.error().message}});
        return EXIT_FAILURE;
    }
    signals.wait();
    log_info("draining; another signal hands back what runs");
    worker.drain();
    signals.on_next([&worker] { worker.hurry(); });
    worker.finish();
    log_info("stopped");
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
    const auto startup = millrace::config::start(millrace::config::Program::kWorker, argc, argv);
    return startup.config ? millrace::run(*startup.config) : startup.exit_code;
}
