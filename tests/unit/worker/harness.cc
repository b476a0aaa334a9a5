#include "tests/unit/worker/harness.h"
#include "tests/support/new_job.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace millrace::test {
namespace {

using std::chrono::seconds;

execute::ClaimerOptions claimer_options(const HarnessOptions& options) {
    return {
        .batch_max = 100,
        .shares = {{.weight = 60, .rank = 0}, {.weight = 30, .rank = 1}, {.weight = 10, .rank = 2}},
        .share_rules = {.strict = options.strict_priority, .age_max = seconds(60)},
        .steal = {.bound = seconds(2), .margin = seconds(1), .batch_max = 100}};
}

}  // namespace

Harness::Harness(HarnessOptions options)
    : backend({.name = "fake",
               .models = options.models,
               .slots = options.slots,
               .batch_max = options.batch_max,
               .batch_weight_max = options.batch_weight_max,
               .is_preemptible = options.is_preemptible}),
      lease({.ttl = seconds(30), .margin = seconds(5)}),
      outputs({.bytes_max = options.output_bytes_max, .partial_interval = seconds(1)}),
      events(publisher, topics, outputs, {.key = "worker"}),
      executor({&backend}, lane_infos.size(), ended_attempts, outputs, events, lease, clock,
               {.worker_name = "worker",
                .slots_max = options.slots_max,
                .batch = options.batch,
                .output_bytes_max = options.output_bytes_max}),
      models(start_backends()),
      lanes(
          lane_infos, 1, options.lane_buffer_max,
          [this](schedule::BackendIndex, const JobSpec& spec) { return backend.batch_key(spec); }),
      offsets({.lag_messages_max = 1000, .lag_max = seconds(30)}),
      hints(lane_infos, seconds(1)),
      writer(store, ended_attempts, executor, events, clock, random,
             {.batch_max = 100, .batch_bytes_max = options.complete_bytes_max}),
      claimer(store, lease, lanes, offsets, hints, models, executor, writer, clock, random,
              claimer_options(options)),
      checkpoints(store, outputs, clock, options.checkpoints),
      lease_keeper(store, lease, executor, clock, random,
                   {.info = {.name = "worker", .queues = {"default"}, .models = options.models},
                    .heartbeat_interval = seconds(5),
                    .retry_interval = milliseconds(500)},
                   {.reconcile = [this] { claimer.want_reconcile(); },
                    .make_way = [this](bool wanted) { claimer.make_way(wanted); }}),
      consumer(subscriber, topics, lanes, offsets, models, clock, [] {}) {
    (void)memory.queue_register({"default"});
    store.on_call([this](const std::string& call) {
        if (const auto hook = std::exchange(hooks_[call], nullptr)) hook();
    });
}

Result<std::vector<storage::SettledReply>> WorkerStore::job_settle(
    WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) {
    settled.push_back(attempts.size());
    for (const auto& attempt : attempts) {
        const auto& said = attempt.settlement.error_message + attempt.outcome.output_json;
        if (said.find("poison") == std::string::npos) continue;
        return Error{ErrorCode::kDataCorrupt, "an outcome cannot be stored"};
    }
    return FaultyJobStore::job_settle(worker, attempts);
}

Status WorkerStore::partial_save(WorkerId worker,
                                 const std::vector<storage::PartialCheckpoint>& partials) {
    saved.push_back(partials.size());
    for (const auto& partial : partials) {
        if (partial.text.find("poison") == std::string::npos) continue;
        return Error{ErrorCode::kDataCorrupt, "a text cannot be stored"};
    }
    return FaultyJobStore::partial_save(worker, partials);
}

std::ptrdiff_t Harness::ended(const JobId& job) const {
    const auto attempts = record(job).attempts;
    return std::ranges::count_if(attempts,
                                 [](const auto& one) { return one.ended_at.has_value(); });
}

storage::WorkerState Harness::worker_state(WorkerId worker) {
    for (const auto& one : *memory.worker_list()) {
        if (one.info.id == worker) return one.state;
    }
    throw std::runtime_error("the worker is not known");
}

void Harness::lose_once(const JobId& job) {
    const WorkerId other(ids_.next(memory.database_time()));
    (void)memory.worker_register({.id = other, .queues = {"default"}, .models = {"fake"}});
    (void)memory.job_claim(other, {job});
    mark_lost(other);
    rescue();
}

void Harness::mark_lost(WorkerId worker) {
    for (const auto& pulse : *memory.worker_pulses()) {
        if (pulse.id == worker) (void)memory.worker_mark_lost({pulse}, false, {});
    }
}

schedule::ModelTable Harness::start_backends() {
    if (!executor.start().has_value()) throw std::runtime_error("the backend did not start");
    return schedule::ModelTable::make(executor.backends()).value();
}

void Harness::run() {
    lease_keeper.step();
    checkpoints.step();
    bool moves = true;
    while (moves) {
        executor.tick();
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
    return {{.queue = "default",
             .priority = priority,
             .model = "fake",
             .policy = {.execution_timeout = seconds(600), .attempts_max = 3}},
            R"({"prompt":"hello"})",
            {}};
}

JobId Harness::submit_silently(JobSpec spec) {
    const JobId id(ids_.next(memory.database_time()));
    if (!memory.job_insert({test::new_job(id, spec)}).has_value()) {
        throw std::runtime_error("the job was not inserted");
    }
    return id;
}

JobId Harness::submit(JobSpec spec) {
    const auto id = submit_silently(spec);
    send_message(id, spec);
    return id;
}

void Harness::send_message(const JobId& job, const JobSpec& spec) {
    subscriber.add(topics.jobs(spec.queue, spec.priority),
                   wire::encode(wire::Dispatch{.job = job, .spec = spec}));
}

}  // namespace millrace::test
