#include "tests/simulation/gateway_process.h"

#include <utility>

#include "tests/simulation/connection.h"
#include "tests/simulation/worker_process.h"

namespace millrace::simulation {

namespace {

constexpr milliseconds kTick{30};
constexpr int kKeeperPassesMax = 10;

}  // namespace

GatewayProcess::GatewayProcess(World& world, std::string name, Conveyor& conveyor,
                               Database& database, const Weather& weather)
    : Process(world, std::move(name)),
      broker_(conveyor, *this),
      parts_(options(), {.clock = clock(),
                         .random = world.random(),
                         .broker = broker_,
                         .open_store =
                             [this, &database, &weather] {
                                 return std::make_unique<Connection>(database, *this, weather.store,
                                                                     [] {});
                             },
                         .check_schema = [] { return ok(); }}) {}

gateway::GatewayOptions GatewayProcess::options() {
    gateway::GatewayOptions options;
    options.queues = {"default"};
    options.models = {"small", "large"};
    options.topic_prefix = "sim";
    options.partitions = 2;
    options.intake = {.batch_max = 4, .queue_max = 12, .in_doubt_max = seconds(3)};
    options.dispatch.queue_max = 10;
    options.reader.batch_max = 4;
    options.commands.lease_ttl = kLeaseTtl;
    options.keeper.interval = milliseconds(500);
    options.keeper.page = 5;
    options.keeper.deadline_grace = seconds(3);
    options.keeper.lease_ttl = kLeaseTtl;
    return options;
}

void GatewayProcess::start() {
    add_thread(milliseconds(200), [this] {
        if (!serves_ && parts_.prepare().has_value()) serve();
    });
}

void GatewayProcess::serve() {
    serves_ = true;
    intake_ = add_thread(kTick, [this] {
        while (parts_.intake.step()) {
        }
    });
    reads_ = add_thread(4 * kTick, [this] {
        while (parts_.reader.step()) {
        }
    });
    commands_ = add_thread(4 * kTick, [this] { parts_.commands.step(); });
    add_thread(kTick, [this] { parts_.dispatcher.step(); });
    add_thread(kTick, [this] { parts_.event_reader.step(milliseconds(0)); });
    add_thread(parts_.options.probe_interval, [this] { parts_.prober.step(); });
    add_thread(parts_.options.topics_interval, [this] { parts_.topic_creator.step(); });
    const auto add_duties = [this](auto& duties) {
        add_thread(parts_.options.keeper.interval, [&duties] {
            for (int pass = 0; pass < kKeeperPassesMax; ++pass) {
                if (!duties.step()) return;
            }
        });
    };
    add_duties(parts_.keeper);
    add_duties(parts_.survey);
    add_duties(parts_.chores);
}

void GatewayProcess::submit(std::vector<service::SubmitRequest> requests,
                            service::Callback<std::vector<service::SubmitResult>> done) {
    parts_.intake.submit_many(std::move(requests), while_alive(std::move(done)));
    wake(intake_);
}

void GatewayProcess::get(JobId job, service::Callback<Result<storage::JobRecord>> done) {
    parts_.reader.get(job, {}, while_alive(std::move(done)));
    wake(reads_);
}

void GatewayProcess::cancel(JobId job, service::Callback<Result<storage::JobRecord>> done) {
    parts_.commands.cancel(job, while_alive(std::move(done)));
    wake(commands_);
}

std::unique_ptr<service::Subscription> GatewayProcess::watch(JobId job,
                                                             std::function<void(JobState)> ended) {
    return parts_.hub.watch(
        job, [this, ended = std::move(ended)](const service::JobNotice& notice) {
            const bool is_end = notice.kind == service::JobNotice::Kind::kFinished;
            if (is_end && is_alive()) ended(notice.state);
        });
}

}  // namespace millrace::simulation
