#include "tests/unit/worker/harness.h"

namespace millrace::test {
namespace {

using std::chrono::seconds;

worker::ClaimerOptions claimer_options() {
    return {
        .batch_max = 100,
        .shares = {{.weight = 60, .rank = 0}, {.weight = 30, .rank = 1}, {.weight = 10, .rank = 2}},
        .steal = {.bound = seconds(2), .margin = seconds(1), .batch_max = 100}};
}

}  // namespace

Harness::Harness(HarnessOptions options)
    : backend({.name = "fake",
               .models = {"fake"},
               .slots = options.slots,
               .batch_max = options.batch_max}),
      outputs({.bytes_max = options.output_bytes_max, .checkpoint_interval = seconds(1)}),
      events(publisher, topics, outputs, {.key = "worker"}),
      executor({&backend}, lane_infos.size(), inbox, outputs, events, clock,
               {.worker_name = "worker",
                .slots_max = options.slots_max,
                .output_bytes_max = options.output_bytes_max}),
      models(start_backends()),
      lanes(lane_infos, 1, options.lane_buffer_max),
      offsets({.lag_messages_max = 1000, .lag_max = seconds(30)}),
      lease({.ttl = seconds(30), .margin = seconds(5)}),
      writer(store, inbox, executor, events, clock, random, {.batch_max = 100}),
      claimer(store, lease, lanes, offsets, models, executor, writer, clock, random,
              claimer_options()),
      lease_keeper(store, lease, executor, outputs, clock, random,
                   {.info = {.name = "worker", .queues = {"default"}, .models = {"fake"}},
                    .heartbeat_interval = seconds(5),
                    .retry_interval = milliseconds(500)},
                   [this] { claimer.want_reconcile(); }),
      consumer(subscriber, topics, lanes, offsets, models, clock, [] {}) {}

worker::ModelTable Harness::start_backends() {
    if (!executor.start().has_value()) throw std::runtime_error("the backend did not start");
    return worker::ModelTable::make(executor.backends()).value();
}

void Harness::run() {
    lease_keeper.step();
    bool moves = true;
    while (moves) {
        executor.stop_overdue();
        consumer.step(milliseconds(0));
        moves = claimer.step();
        const auto held = executor.held();
        moves = writer.step() || moves || executor.held() != held;
    }
    consumer.step(milliseconds(0));
    events.step();
}

void Harness::run_for(milliseconds duration) {
    constexpr milliseconds kStep{50};
    for (milliseconds passed{0}; passed < duration; passed += kStep) {
        clock.advance(kStep);
        run();
    }
}

JobSpec Harness::spec(Priority priority) {
    return {.queue = "default",
            .priority = priority,
            .model = "fake",
            .input_json = R"({"prompt":"hello"})",
            .policy = {.execution_timeout = seconds(600), .attempts_max = 3}};
}

JobId Harness::submit(JobSpec spec) {
    const auto id = store.insert(spec);
    send_message(id, spec);
    return id;
}

void Harness::send_message(const JobId& job, const JobSpec& spec) {
    subscriber.add(topics.jobs(spec.queue, spec.priority),
                   wire::encode(wire::Dispatch{.job = job, .spec = spec}));
}

}  // namespace millrace::test
