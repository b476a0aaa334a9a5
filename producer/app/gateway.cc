#include "producer/app/gateway.h"

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

struct Gateway::Threads {
    explicit Threads(Parts& parts)
        : topics({"topics", parts.options.topics_interval, kJitter, true},
                 [&parts] { parts.topic_creator.step(); }),
          dispatch("dispatch",
                   [&parts](const std::stop_token& stop) { parts.dispatcher.run(stop); }),
          keeper({"keeper", parts.options.keeper.interval, 0, true},
                 [this, &parts] { repeat(parts.keeper); }),
          survey({"survey", parts.options.keeper.interval, 0, true},
                 [this, &parts] { repeat(parts.survey); }),
          chores({"chores", parts.options.keeper.interval, kJitter, true},
                 [this, &parts] { repeat(parts.chores); }),
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

    void repeat(auto& duties) const {
        for (int pass = 0; pass < kKeeperPassesMax && !stopping; ++pass) {
            if (!duties.step()) return;
        }
    }

    std::atomic<bool> stopping = false;

    // Members stop from the last to the first: each stops before the parts that it passes work to.
    runtime::Periodic topics;
    runtime::Thread dispatch;
    runtime::Periodic keeper;
    runtime::Periodic survey;
    runtime::Periodic chores;
    runtime::Periodic probe;
    runtime::Thread events;
    runtime::Thread scans;
    runtime::Thread lanes;
    runtime::Thread commands;
    runtime::Thread reads;
    runtime::Thread intake;
};

Gateway::Gateway(GatewayOptions options, Dependencies given)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(given))) {}

Gateway::~Gateway() {
    stop();
}

Status Gateway::start() {
    TRY_STATUS(parts_->prepare());
    threads_ = std::make_unique<Threads>(*parts_);
    return ok();
}

void Gateway::stop() {
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

service::Services Gateway::services() {
    return {.submissions = parts_->intake,
            .reads = parts_->reader,
            .commands = parts_->commands,
            .scans = parts_->scans,
            .events = parts_->hub,
            .fleet = parts_->commands,
            .lanes = parts_->lanes};
}

}  // namespace millrace::gateway
