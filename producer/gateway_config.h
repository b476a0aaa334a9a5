// From the settings to the options of the gateway's parts: the only place that knows both.
#pragma once

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/config.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "producer/api/api_options.h"
#include "producer/gateway_service.h"

namespace millrace::gateway {

LogOptions log_options(const config::Config& config);
storage::PostgresOptions postgres_options(const config::Config& config);
broker::KafkaOptions kafka_options(const config::Config& config);
api::ApiOptions api_options(const config::Config& config);
GatewayOptions gateway_options(const config::Config& config);

}  // namespace millrace::gateway
