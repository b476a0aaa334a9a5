// millrace-worker: runs jobs. The wiring of the parts is parts.h; here are the adapters, and the
// order of start and stop.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/base/log.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/config/startup.h"
#include "common/program/program_options.h"
#include "common/runtime/signals.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/telemetry/telemetry.h"
#include "worker/backends_table.h"
#include "worker/status/status_server.h"
#include "worker/worker.h"
#include "worker/worker_config.h"

namespace millrace::worker {
namespace {

constexpr auto kProgram = config::Program::kWorker;

int fail(const Error& error) {
    log_error("cannot start", {{"reason", to_string(error)}});
    return EXIT_FAILURE;
}

// Null where it is switched off.
Result<std::unique_ptr<StatusServer>> start_status(const config::Config& config) {
    using config::Setting;
    const auto port = config.get<Setting::kWorkerPort>();
    if (port == 0) return std::unique_ptr<StatusServer>();
    return StatusServer::start(config.get<Setting::kWorkerHost>(),
                               static_cast<std::uint16_t>(port));
}

int run(const config::Config& config) {
    init_logging(program::log_options(kProgram, config));
    telemetry::declare(telemetry::Part::kWorker);
    runtime::Signals signals;

    const auto postgres = program::postgres_options(kProgram, config);
    // A PostgreSQL that is not there yet is waited for by the lease; a wrong schema is not.
    if (const auto schema = storage::check_schema(postgres);
        !schema && schema.error().code != ErrorCode::kUnavailable) {
        return fail(schema.error());
    }
    const auto broker = broker::make_kafka_broker(program::kafka_options(kProgram, config));
    if (!broker) return fail(broker.error());
    auto backends = make_backends(config);
    if (!backends) return fail(backends.error());
    const auto status = start_status(config);
    if (!status) return fail(status.error());

    const auto worker = std::make_shared<Worker>(storage::postgres_store(postgres), **broker,
                                                 *std::move(backends), worker_options(config));
    if (const auto started = worker->start(); !started) return fail(started.error());
    signals.wait();
    log_info("draining; another signal hands back what runs");
    worker->drain();
    signals.on_next([weak = std::weak_ptr(worker)] {
        if (const auto draining = weak.lock()) draining->hurry();
    });
    worker->finish();
    log_info("stopped");
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace::worker

int main(int argc, char** argv) {
    using namespace millrace;
    const auto startup = config::start(worker::kProgram, argc, argv);
    const int code = startup.config ? worker::run(*startup.config) : startup.exit_code;
    // A consumer that librdkafka could not destroy leaves threads behind, which an ordinary exit
    // would pull the ground from under.
    std::fflush(nullptr);
    std::quick_exit(code);
}
