// From the settings to the options of the worker's parts: the only place that knows both.
#pragma once

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/config.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "worker/worker.h"

namespace millrace::worker {

LogOptions log_options(const config::Config& config);
broker::KafkaOptions kafka_options(const config::Config& config);
storage::PostgresOptions postgres_options(const config::Config& config);
WorkerOptions worker_options(const config::Config& config);

}  // namespace millrace::worker
