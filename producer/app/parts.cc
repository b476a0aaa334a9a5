#include "producer/app/parts.h"

#include <utility>

namespace millrace::gateway {

namespace {

constexpr milliseconds kTopicsTimeout{5000};

}  // namespace

Parts::Parts(GatewayOptions gateway_options, Dependencies dependencies)
    : options(std::move(gateway_options)),
      given(std::move(dependencies)),
      topics(options.topic_prefix),
      publisher(given.broker.make_publisher()),
      intake_store(given.open_store()),
      reader_store(given.open_store()),
      commands_store(given.open_store()),
      scans_store(given.open_store()),
      lanes_store(given.open_store()),
      probe_store(given.open_store()),
      keeper_store(given.open_store()),
      chores_store(given.open_store()),
      survey_store(given.open_store()),
      database_clock(given.clock),
      models(options.queues, options.models),
      hub(options.waiters_max),
      announcer(topics, *publisher, hub),
      dispatcher(options.dispatch, given.clock, topics, *publisher),
      topic_creator(given.broker, dispatch::topics_of(topics, options.queues, options.partitions),
                    kTopicsTimeout),
      intake(options.intake, given.clock, given.random, *intake_store, dispatcher),
      reader(options.reader, given.clock, *reader_store),
      retries(options.retries, submit_many()),
      commands(options.commands, given.clock, *commands_store, announcer, retries, models,
               database_clock, given.check_schema),
      scans(options.scans, given.clock, *scans_store, announcer, retries),
      lanes(options.lanes, given.clock, *lanes_store),
      event_reader(given.broker.tail({topics.events()}), hub),
      prober(*probe_store, hub, options.reader.batch_max),
      keeper(options.keeper, given.clock, given.random, *keeper_store, dispatcher, announcer),
      chores(options.keeper, given.clock, given.random, *chores_store,
             [this](milliseconds steady_for) { return keeper.ages_are_right(steady_for); }),
      survey(options.keeper, given.clock, given.random, *survey_store, announcer) {}

commands::Retries::SubmitMany Parts::submit_many() {
    return [this](std::vector<service::SubmitRequest> requests,
                  service::Callback<std::vector<service::SubmitResult>> done) {
        intake.submit_many(std::move(requests), std::move(done));
    };
}

Status Parts::prepare() {
    TRY_STATUS(given.check_schema());
    // By the store of the survey, whose hints begin with the time that it knows from here.
    TRY_STATUS(survey_store->queue_register(options.queues));
    database_clock.update(survey_store->database_time());
    return ok();
}

}  // namespace millrace::gateway
