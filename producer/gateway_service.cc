#include "producer/gateway_service.h"

#include <atomic>
#include <utility>

#include "common/runtime/periodic.h"
#include "common/runtime/thread.h"

namespace millrace::gateway {

namespace {

constexpr milliseconds kEventPollMax{100};  // Limits how long stop() waits for the events thread.
constexpr int kKeeperPassesMax = 1000;      // Passes in a row before it waits again.
constexpr double kJitter = 0.1;

}  // namespace

struct GatewayService::Threads {
    explicit Threads(Parts& parts)
        : topics({"topics", parts.options.topics_interval, kJitter, true},
                 [&parts] { parts.topic_creator.step(); }),
          dispatch("dispatch",
                   [&parts](const std::stop_token& stop) { parts.dispatcher.run(stop); }),
          keeper({"keeper", parts.options.keeper.interval, 0, true},
                 [this, &parts] { keep(parts.keeper); }),
          probe({"probe", parts.options.probe_interval, kJitter, false},
                [&parts] { parts.prober.step(); }),
          events("events",
                 [&parts](const std::stop_token& stop) {
                     while (!stop.stop_requested()) parts.event_reader.step(kEventPollMax);
                 }),
          scans("scans", [&parts](const std::stop_token&) { parts.scans.run(); }),
          lanes("lanes", [&parts](const std::stop_token&) { parts.lanes.run(); }),
          commands("commands", [&parts](const std::stop_token&) { parts.commands.run(); }),
          reads("reads", [&parts](const std::stop_token&) { parts.reader.run(); }),
          intake("intake", [&parts](const std::stop_token&) { parts.intake.run(); }) {}

    void keep(Keeper& duties) const {
        for (int pass = 0; pass < kKeeperPassesMax && !stopping; ++pass) {
            if (!duties.step()) return;
        }
    }

    std::atomic<bool> stopping = false;

    // Members stop from the last to the first: each stops before the parts that it passes work to.
    runtime::Periodic topics;
    runtime::Thread dispatch;
    runtime::Periodic keeper;
    runtime::Periodic probe;
    runtime::Thread events;
    runtime::Thread scans;
    runtime::Thread lanes;
    runtime::Thread commands;
    runtime::Thread reads;
    runtime::Thread intake;
};

GatewayService::GatewayService(GatewayOptions options, Surroundings given)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(given))) {}

GatewayService::~GatewayService() {
    stop();
}

Status GatewayService::start() {
    TRY_STATUS(parts_->prepare());
    threads_ = std::make_unique<Threads>(*parts_);
    return ok();
}

void GatewayService::stop() {
    if (!threads_) return;
    threads_->stopping = true;
    parts_->intake.close();
    parts_->reader.close();
    parts_->commands.close();
    parts_->scans.close();
    parts_->lanes.close();
    threads_.reset();
    parts_->publisher->flush(parts_->options.flush_timeout);
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

void GatewayService::list(storage::JobFilter filter, Callback<Result<JobList>> done) {
    parts_->scans.list(std::move(filter), std::move(done));
}

void GatewayService::find(std::string client_id, Callback<Result<JobId>> done) {
    parts_->reader.find(std::move(client_id), std::move(done));
}

void GatewayService::count(storage::JobFilter filter, std::int64_t most,
                           Callback<Result<std::int64_t>> done) {
    parts_->scans.count(std::move(filter), most, std::move(done));
}

void GatewayService::retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) {
    // Several jobs may be a lot to read.
    if (ids.size() != 1) return parts_->scans.retry(std::move(ids), std::move(done));
    parts_->commands.retry(ids.front(), std::move(done));
}

void GatewayService::retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) {
    parts_->scans.retry_matching(std::move(filter), std::move(done));
}

void GatewayService::cancel(JobId id, Callback<Result<storage::JobRecord>> done) {
    parts_->commands.cancel(id, std::move(done));
}

void GatewayService::cancel_matching(storage::JobFilter filter,
                                     Callback<Result<CancelTotals>> done) {
    parts_->scans.cancel_matching(std::move(filter), std::move(done));
}

std::unique_ptr<Subscription> GatewayService::watch(JobId id, Callback<const JobNotice&> notice) {
    return parts_->hub.watch(id, std::move(notice));
}

void GatewayService::lanes(Callback<Result<std::vector<storage::LaneStats>>> done) {
    parts_->lanes.read(std::move(done));
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

bool GatewayService::has_worker(const std::string& queue, const std::string& model) const {
    return parts_->models.has_worker(queue, model);
}

storage::DbTime GatewayService::database_now() const {
    return parts_->database_clock.now();
}

}  // namespace millrace::gateway
