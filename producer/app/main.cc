// millrace-gateway: the HTTP API and everything behind it. parts.h wires the parts; this file adds
// the adapters, and starts and stops everything in order.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/startup.h"
#include "common/program/program_options.h"
#include "common/runtime/signals.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/telemetry/telemetry.h"
#include "producer/api/api.h"
#include "producer/app/gateway.h"
#include "producer/app/gateway_config.h"
#include "producer/server/http_server.h"

namespace millrace::gateway {
namespace {

using config::Config;
using config::Setting;

constexpr auto kProgram = config::Program::kGateway;
constexpr milliseconds kStartRetry{500};

int fail(const Error& error) {
    log_error("cannot start", {{"reason", to_string(error)}});
    return EXIT_FAILURE;
}

// Waits for a PostgreSQL that is not up yet. kCancelled: a signal came first.
Status start_patiently(Gateway& gateway, runtime::Signals& signals, milliseconds timeout) {
    const auto deadline = system_clock().now() + timeout;
    for (bool told = false;; told = true) {
        auto started = gateway.start();
        if (started || started.error().code != ErrorCode::kUnavailable) return started;
        if (system_clock().now() >= deadline) return started;
        if (!told) log_warning("waiting for PostgreSQL", {{"reason", started.error().message}});
        if (signals.wait(system_clock().now() + kStartRetry)) {
            return Error{ErrorCode::kCancelled, "A signal stopped the program."};
        }
    }
}

int serve(const Config& config, runtime::Signals& signals, Gateway& gateway) {
    const auto options = server_options(config);
    server::HttpServer server(options,
                              std::make_shared<api::Api>(api_options(config), gateway.services()));
    if (const auto started = server.start(); !started) return fail(started.error());
    const bool is_bare_ipv6 = options.host.find(':') != std::string::npos && options.host[0] != '[';
    const auto host = is_bare_ipv6 ? "[" + options.host + "]" : options.host;
    log_info("ready", {{"url", fmt::format("http://{}:{}", host, server.port())}});

    signals.wait();
    log_info("draining; another signal stops the gateway at once");
    // Every answered job is committed, so nothing is lost.
    signals.on_next([] { std::quick_exit(EXIT_FAILURE); });
    server.drain(system_clock().now() + config.get<Setting::kGatewayDrainTimeout>());
    server.stop();
    return EXIT_SUCCESS;
}

int run(const Config& config) {
    init_logging(program::log_options(kProgram, config));
    telemetry::declare(telemetry::Part::kGateway);
    runtime::Signals signals;

    const auto broker = broker::kafka::make_kafka_broker(program::kafka_options(kProgram, config));
    if (!broker) return fail(broker.error());
    const auto postgres = program::postgres_options(kProgram, config);
    Gateway gateway(gateway_options(config),
                    {.clock = system_clock(),
                     .random = system_random(),
                     .broker = **broker,
                     .open_store = storage::postgres::postgres_store(postgres),
                     .check_schema = [&] { return storage::postgres::check_schema(postgres); }});
    const auto patience = config.get<Setting::kGatewayStartupTimeout>();
    if (const auto started = start_patiently(gateway, signals, patience); !started) {
        return started.error().code == ErrorCode::kCancelled ? EXIT_SUCCESS : fail(started.error());
    }
    const int code = serve(config, signals, gateway);
    gateway.stop();
    log_info("stopped");
    return code;
}

}  // namespace
}  // namespace millrace::gateway

int main(int argc, char** argv) {
    using namespace millrace;
    const auto startup = config::start(gateway::kProgram, argc, argv);
    const int code = startup.config ? gateway::run(*startup.config) : startup.exit_code;
    // A consumer that librdkafka could not destroy leaves threads behind. An ordinary exit would
    // crash by destroying statics that they use.
    std::fflush(nullptr);
    std::quick_exit(code);
}
