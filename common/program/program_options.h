// Converts settings to the options that every program has: logs, PostgreSQL, Kafka.
//
// Pure.
#pragma once

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/config.h"
#include "common/storage/postgres/postgres_job_store.h"

namespace millrace::program {

LogOptions log_options(config::Program program, const config::Config& config);
storage::postgres::PostgresOptions postgres_options(config::Program program,
                                                    const config::Config& config);
broker::kafka::KafkaOptions kafka_options(config::Program program, const config::Config& config);

}  // namespace millrace::program
