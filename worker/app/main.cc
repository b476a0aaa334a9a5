// millrace-worker: runs jobs. parts.h connects the parts; this file holds the adapters, the order
// of start and stop, and the reaction to SIGHUP.
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
#include "worker/app/backends_table.h"
#include "worker/app/generations.h"
#include "worker/app/reload.h"
#include "worker/app/worker.h"
#include "worker/app/worker_config.h"
#include "worker/status/status_server.h"

namespace millrace::worker {
namespace {

constexpr auto kProgram = config::Program::kWorker;

int fail(const Error& error) {
    log_error("cannot start", {{"reason", to_string(error)}});
    return EXIT_FAILURE;
}

// Null if it is switched off.
Result<std::unique_ptr<status::StatusServer>> start_status(const config::Config& config) {
    using config::Setting;
    const auto port = config.get<Setting::kWorkerPort>();
    if (port == 0) return std::unique_ptr<status::StatusServer>();
    return status::StatusServer::start(config.get<Setting::kWorkerHost>(),
                                       static_cast<std::uint16_t>(port));
}

// What the workers of this process share.
struct Shared {
    storage::OpenStore open_store;
    broker::Broker& broker;
};

Result<std::unique_ptr<Worker>> make_worker(const Shared& shared, const config::Config& config) {
    TRY(auto backends, make_backends(config));
    return std::make_unique<Worker>(shared.open_store, shared.broker, std::move(backends),
                                    worker_options(config));
}

// Switches to the current settings, or keeps the previous ones.
Status take_over(WorkerGenerations& workers, const Shared& shared, const config::Sources& sources,
                 config::Config& config) {
    TRY(auto reloaded, reload(config, sources));
    for (const auto& name : reloaded.need_restart) {
        log_warning("a setting was changed that takes effect only at a restart",
                    {{"setting", name}});
    }
    TRY(auto worker, make_worker(shared, reloaded.config));
    TRY_STATUS(workers.replace(std::move(worker)));
    config = std::move(reloaded.config);
    return ok();
}

int run(config::Config config, const config::Sources& sources) {
    init_logging(program::log_options(kProgram, config));
    telemetry::declare(telemetry::Part::kWorker);
    runtime::Signals signals(runtime::Signals::Reload::kYes);

    const auto postgres = program::postgres_options(kProgram, config);
    // A PostgreSQL that cannot be reached yet is not an error: the lease waits for it. A wrong
    // schema is.
    if (const auto schema = storage::postgres::check_schema(postgres);
        !schema && schema.error().code != ErrorCode::kUnavailable) {
        return fail(schema.error());
    }
    const auto broker = broker::kafka::make_kafka_broker(program::kafka_options(kProgram, config));
    if (!broker) return fail(broker.error());
    const Shared shared{storage::postgres::postgres_store(postgres), **broker};
    auto worker = make_worker(shared, config);
    if (!worker) return fail(worker.error());
    const auto status = start_status(config);
    if (!status) return fail(status.error());

    const auto workers = std::make_shared<WorkerGenerations>();
    if (const auto started = workers->start(*std::move(worker)); !started) {
        return fail(started.error());
    }
    while (signals.wait() == runtime::Signal::kReload) {
        log_info("reloading the settings", {{"file", sources.file}});
        const auto taken = take_over(*workers, shared, sources, config);
        if (!taken) {
            log_error("not reloaded; keeping the current settings",
                      {{"reason", to_string(taken.error())}});
        } else {
            log_info("reloaded the settings");
        }
    }
    log_info("draining; another signal hands back what runs");
    workers->drain();
    signals.on_next([weak = std::weak_ptr(workers)] {
        if (const auto draining = weak.lock()) draining->hurry();
    });
    workers->finish();
    log_info("stopped");
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace::worker

int main(int argc, char** argv) {
    using namespace millrace;
    const auto startup = config::start(worker::kProgram, argc, argv, worker::check_backends);
    const int code =
        startup.config ? worker::run(*startup.config, startup.sources) : startup.exit_code;
    // A consumer that librdkafka could not destroy leaves threads behind. An ordinary exit would
    // destroy statics that they use, and crash.
    std::fflush(nullptr);
    std::quick_exit(code);
}
