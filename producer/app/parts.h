// A gateway without its HTTP API and its threads: intake, dispatch, reads, commands, scans, events
// and keeper, wired to each other.
//
// The owner calls each part's step again and again: Gateway does so from one thread per
// part, a simulation on its own clock.
//
// Threads:   see each part; each step has one caller at a time.
// Blocks:    see each part.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/broker/broker.h"
#include "common/storage/job_store.h"
#include "producer/commands/commands.h"
#include "producer/dispatch/dispatcher.h"
#include "producer/dispatch/topic_creator.h"
#include "producer/events/announcer.h"
#include "producer/events/event_hub.h"
#include "producer/events/event_reader.h"
#include "producer/events/prober.h"
#include "producer/intake/intake.h"
#include "producer/keeper/chores.h"
#include "producer/keeper/keeper.h"
#include "producer/keeper/survey.h"
#include "producer/reads/database_clock.h"
#include "producer/reads/job_reader.h"
#include "producer/reads/lane_reader.h"
#include "producer/reads/model_registry.h"
#include "producer/scans/scans.h"

namespace millrace::gateway {

struct GatewayOptions {
    std::vector<std::string> queues;
    std::vector<std::string> models;  // Known before any worker announces them.
    std::string topic_prefix = "millrace";
    int partitions = 4;
    std::size_t waiters_max = 20000;
    milliseconds probe_interval{1000};
    milliseconds topics_interval{5000};  // How often to look for missing topics.
    milliseconds flush_timeout{2000};    // For the last messages, when stopping.
    intake::IntakeOptions intake;
    dispatch::DispatcherOptions dispatch;
    reads::JobReaderOptions reader;
    commands::RetriesOptions retries;
    commands::CommandsOptions commands;
    scans::ScansOptions scans;
    reads::LaneReaderOptions lanes;
    keeper::KeeperOptions keeper;
};

// What a gateway works with. All of it must outlive the gateway.
struct Dependencies {
    const Clock& clock;
    Random& random;  // Thread-safe, if the steps have threads.
    broker::Broker& broker;
    storage::OpenStore open_store;
    std::function<Status()> check_schema;  // prepare() and the steps of `commands` call it.
};

struct Parts {
    Parts(GatewayOptions gateway_options, Dependencies dependencies);

    // Checks the schema and registers the queues. Call it first; after an error it may be called
    // again.
    Status prepare();

    // The way in which `retries` submits.
    commands::Retries::SubmitMany submit_many();

    const GatewayOptions options;
    const Dependencies given;
    const broker::Topics topics;
    const std::unique_ptr<broker::Publisher> publisher;
    const std::unique_ptr<storage::JobStore> intake_store;
    const std::unique_ptr<storage::JobStore> reader_store;
    const std::unique_ptr<storage::JobStore> commands_store;
    const std::unique_ptr<storage::JobStore> scans_store;
    const std::unique_ptr<storage::JobStore> lanes_store;
    const std::unique_ptr<storage::JobStore> probe_store;
    const std::unique_ptr<storage::JobStore> keeper_store;
    const std::unique_ptr<storage::JobStore> chores_store;
    const std::unique_ptr<storage::JobStore> survey_store;
    reads::DatabaseClock database_clock;
    reads::ModelRegistry models;
    events::EventHub hub;
    events::Announcer announcer;
    dispatch::Dispatcher dispatcher;
    dispatch::TopicCreator topic_creator;
    intake::Intake intake;
    reads::JobReader reader;
    commands::Retries retries;  // Of `commands` and `scans`.
    commands::Commands commands;
    scans::Scans scans;
    reads::LaneReader lanes;
    events::EventReader event_reader;
    events::Prober prober;
    keeper::Keeper keeper;
    keeper::Chores chores;
    keeper::Survey survey;
};

}  // namespace millrace::gateway
