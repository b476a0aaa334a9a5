#include "producer/gateway_service.h"

#include <atomic>
#include <utility>

#include "common/runtime/periodic.h"
#include "common/runtime/thread.h"
#include "producer/dispatch/topic_creator.h"
#include "producer/events/event_hub.h"
#include "producer/events/event_reader.h"
#include "producer/events/prober.h"
#include "producer/query/database_clock.h"
#include "producer/query/model_registry.h"

namespace millrace::gateway {

namespace {

constexpr milliseconds kEventPollMax{100};    // Bounds how long stop() waits for the events thread.
constexpr milliseconds kTopicsTimeout{5000};  // … for the topics thread.
constexpr int kKeeperPassesMax = 1000;        // Full pages in a row, before it looks at the time.
constexpr double kJitter = 0.1;

}  // namespace

struct GatewayService::Parts {
    Parts(const GatewayOptions& options, const GatewayParts& given)
        : topics(options.topic_prefix),
          publisher(given.broker.make_publisher()),
          intake_store(given.open_store()),
          reader_store(given.open_store()),
          commands_store(given.open_store()),
          probe_store(given.open_store()),
          keeper_store(given.open_store()),
          database_clock(given.clock),
          models(options.queues, options.models),
          hub(options.waiters_max),
          announcer(topics, *publisher, hub),
          dispatcher(options.dispatch, given.clock, topics, *publisher),
          topic_creator(given.broker, topics_of(topics, options.queues, options.partitions),
                        kTopicsTimeout),
          intake(options.intake, given.clock, given.random, *intake_store, dispatcher),
          reader(options.reader, given.clock, *reader_store),
          commands(options.commands, given.clock, *commands_store, announcer, models,
                   database_clock, given.check_schema),
          event_reader(given.broker.tail({topics.events()}), hub),
          prober(*probe_store, hub, options.reader.batch_max),
          keeper(options.keeper, given.clock, *keeper_store, dispatcher, announcer) {}

    const broker::Topics topics;
    const std::unique_ptr<broker::Publisher> publisher;
    const std::unique_ptr<storage::JobStore> intake_store;
    const std::unique_ptr<storage::JobStore> reader_store;
    const std::unique_ptr<storage::JobStore> commands_store;
    const std::unique_ptr<storage::JobStore> probe_store;
    const std::unique_ptr<storage::JobStore> keeper_store;
    DatabaseClock database_clock;
    ModelRegistry models;
    EventHub hub;
    Announcer announcer;
    Dispatcher dispatcher;
    TopicCreator topic_creator;
    Intake intake;
    JobReader reader;
    Commands commands;
    EventReader event_reader;
    Prober prober;
    Keeper keeper;
    std::atomic<bool> stopping = false;

    void keep() {
        for (int pass = 0; pass < kKeeperPassesMax && !stopping; ++pass) {
            if (!keeper.step()) return;
        }
    }
    void read_events(const std::stop_token& stop) {
        while (!stop.stop_requested()) event_reader.step(kEventPollMax);
    }
};

struct GatewayService::Threads {
    Threads(const GatewayOptions& options, Parts& parts)
        : topics({"topics", options.topics_interval, kJitter, true},
                 [&parts] { parts.topic_creator.step(); }),
          dispatch("dispatch",
                   [&parts](const std::stop_token& stop) { parts.dispatcher.run(stop); }),
          keeper({"keeper", options.keeper.interval, 0, true}, [&parts] { parts.keep(); }),
          probe({"probe", options.probe_interval, kJitter, false},
                [&parts] { parts.prober.step(); }),
          events("events", [&parts](const std::stop_token& stop) { parts.read_events(stop); }),
          commands("commands", [&parts](const std::stop_token&) { parts.commands.run(); }),
          reads("reads", [&parts](const std::stop_token&) { parts.reader.run(); }),
          intake("intake", [&parts](const std::stop_token&) { parts.intake.run(); }) {}

    // Stopped from the last to the first: what takes in work before what it hands work to.
    runtime::Periodic topics;
    runtime::Thread dispatch;
    runtime::Periodic keeper;
    runtime::Periodic probe;
    runtime::Thread events;
    runtime::Thread commands;
    runtime::Thread reads;
    runtime::Thread intake;
};

GatewayService::GatewayService(GatewayOptions options, GatewayParts parts)
    : options_(std::move(options)),
      given_(std::move(parts)),
      parts_(std::make_unique<Parts>(options_, given_)) {}

GatewayService::~GatewayService() {
    stop();
}

Status GatewayService::start() {
    TRY_STATUS(given_.check_schema());
    TRY_STATUS(parts_->keeper_store->queue_register(options_.queues));
    parts_->database_clock.update(parts_->keeper_store->database_time());
    threads_ = std::make_unique<Threads>(options_, *parts_);
    return ok();
}

void GatewayService::stop() {
    if (!threads_) return;
    parts_->stopping = true;
    parts_->intake.close();
    parts_->reader.close();
    parts_->commands.close();
    threads_.reset();
    parts_->publisher->flush(options_.flush_timeout);
}

void GatewayService::submit(SubmitRequest request, Callback<SubmitResult> done) {
    parts_->intake.submit(std::move(request), std::move(done));
}

void GatewayService::submit_many(std::vector<SubmitRequest> requests,
                                 Callback<std::vector<SubmitResult>> done) {
    parts_->intake.submit_many(std::move(requests), std::move(done));
}

void GatewayService::get(JobId id, storage::JobFields fields,
                         Callback<Result<storage::JobRecord>> done) {
    parts_->reader.get(id, fields, std::move(done));
}

void GatewayService::list(storage::JobFilter filter,
                          Callback<Result<std::pair<std::vector<storage::JobRecord>, bool>>> done) {
    parts_->commands.list(std::move(filter), std::move(done));
}

void GatewayService::cancel(JobId id, Callback<Result<storage::JobRecord>> done) {
    parts_->commands.cancel(id, std::move(done));
}

std::unique_ptr<Subscription> GatewayService::watch(JobId id, Callback<const JobNotice&> notice) {
    return parts_->hub.watch(id, std::move(notice));
}

void GatewayService::lanes(Callback<Result<std::vector<storage::LaneStats>>> done) {
    parts_->commands.lanes(std::move(done));
}

void GatewayService::workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) {
    parts_->commands.workers(std::move(done));
}

void GatewayService::readiness(Callback<Readiness> done) {
    parts_->commands.readiness(std::move(done));
}

std::vector<std::string> GatewayService::queues() const {
    return parts_->models.queues();
}

void GatewayService::model_known(std::string queue, std::string model, Callback<bool> done) {
    parts_->commands.model_known(std::move(queue), std::move(model), std::move(done));
}

std::vector<std::string> GatewayService::models(const std::string& queue) const {
    return parts_->models.models(queue);
}

storage::DbTime GatewayService::database_now() const {
    return parts_->database_clock.now();
}

}  // namespace millrace::gateway
