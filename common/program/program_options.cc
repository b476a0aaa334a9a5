#include "common/program/program_options.h"

#include <string>

namespace millrace::program {

using config::Config;
using config::Program;
using config::Setting;

namespace {

LogLevel log_level(const std::string& name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warning") return LogLevel::kWarning;
    return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

std::string name_of(Program program) {
    return std::string(config::program_name(program));
}

}  // namespace

LogOptions log_options(Program program, const Config& c) {
    return {
        .level = log_level(c.get<Setting::kLogLevel>()),
        .format = c.get<Setting::kLogFormat>() == "json" ? LogFormat::kJson : LogFormat::kText,
        .program = name_of(program),
    };
}

storage::postgres::PostgresOptions postgres_options(Program program, const Config& c) {
    return {
        .conninfo = c.get<Setting::kPostgresConninfo>(),
        .application_name = name_of(program),
        .connect_timeout = c.get<Setting::kPostgresConnectTimeout>(),
        .statement_timeout = c.get<Setting::kPostgresStatementTimeout>(),
    };
}

broker::kafka::KafkaOptions kafka_options(Program program, const Config& c) {
    return {
        .bootstrap = c.get<Setting::kKafkaBootstrap>(),
        .client_id = name_of(program),
        .replication_factor = c.integer<Setting::kKafkaReplicationFactor>(),
        .fetch_wait_max = c.get<Setting::kKafkaFetchWaitMax>(),
        .session_timeout = c.get<Setting::kKafkaSessionTimeout>(),
        .heartbeat_interval = c.get<Setting::kKafkaHeartbeatInterval>(),
        .message_timeout = c.get<Setting::kKafkaMessageTimeout>(),
        .buffer_messages_max = c.integer<Setting::kKafkaBufferMessagesMax>(),
        .extra = c.get<Setting::kKafkaExtra>(),
    };
}

}  // namespace millrace::program
