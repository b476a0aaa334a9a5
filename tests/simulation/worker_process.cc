#include "tests/simulation/worker_process.h"

#include <utility>

#include "common/base/check.h"
#include "tests/simulation/connection.h"
#include "tests/simulation/model.h"

namespace millrace::simulation {

namespace {

constexpr milliseconds kPollInterval{30};

}  // namespace

WorkerShape draw_worker(World& world, int number) {
    WorkerShape shape{.name = fmt::format("worker-{}", number), .models = {"small"}};
    if (number == 1 || world.chance(0.5)) shape.models.emplace_back("large");
    shape.slots = 1 + world.random().below(3);
    shape.batch_max = world.chance(0.3) ? 2 + world.random().below(2) : 1;
    // The times of jobs are no more predictable than this.
    shape.batch.claim_ahead = milliseconds(500);
    if (number % 3 == 2) shape.batch.mode = schedule::BatchMode::kFixed;
    shape.is_strict = number % 3 == 0;
    return shape;
}

WorkerProcess::WorkerProcess(World& world, WorkerShape shape, int number, Conveyor& conveyor,
                             Database& database, const Weather& weather, History& history)
    : Process(world, shape.name),
      shape_(std::move(shape)),
      number_(number),
      broker_(conveyor, *this),
      core_(options(),
            {.clock = clock(),
             .random = world.random(),
             .broker = broker_,
             .open_store =
                 [this, &database, &weather] {
                     return std::make_unique<Connection>(database, *this, weather.store,
                                                         [this] { disturbed_ = true; });
                 }},
            make_backends(weather, history)) {}

WorkerProcess::~WorkerProcess() {
    core_.executor.stop();
}

worker::WorkerOptions WorkerProcess::options() const {
    worker::WorkerOptions options;
    options.name = shape_.name;
    options.queues = {"default"};
    options.topic_prefix = "sim";
    options.partitions = 2;
    options.lane_buffer_max = 16;
    options.heartbeat_interval = seconds(1);
    options.lease = {.ttl = kLeaseTtl, .margin = seconds(1)};
    options.offsets = {.lag_messages_max = 20, .lag_max = seconds(5)};
    options.executor.worker_name = shape_.name;
    options.executor.batch = shape_.batch;
    options.executor.preemptions_max = static_cast<int>(kPreemptionsMax);
    options.claims.batch_max = 8;
    options.claims.share_rules = {.strict = shape_.is_strict, .age_max = seconds(3)};
    options.claims.preempt_after = milliseconds(100);
    options.claims.steal = {.bound = kStealBound, .margin = seconds(1), .batch_max = 8};
    options.claims.store_backoff = {.base = milliseconds(50), .max = seconds(1)};
    options.completions.batch_max = 4;
    options.completions.job_backoff = {.base = milliseconds(200), .max = seconds(2)};
    options.completions.store_backoff = {.base = milliseconds(50), .max = seconds(1)};
    options.drain = {.timeout = seconds(2), .hand_back_timeout = seconds(2)};
    return options;
}

std::vector<std::unique_ptr<backends::Backend>> WorkerProcess::make_backends(const Weather& weather,
                                                                             History& history) {
    std::vector<std::unique_ptr<backends::Backend>> backends;
    backends.push_back(
        std::make_unique<Model>(*this, weather.model,
                                backends::BackendInfo{.name = "model",
                                                      .models = shape_.models,
                                                      .slots = shape_.slots,
                                                      .batch_max = shape_.batch_max,
                                                      .is_preemptible = shape_.batch_max == 1},
                                [this, &history](const ClaimedJob& job) { began(job, history); }));
    return backends;
}

void WorkerProcess::began(const ClaimedJob& job, History& history) {
    if (!is_alive()) return;
    world().say(name(), "runs {} (epoch {})", job.key.job.str(), job.key.epoch);
    history.tell(&Checker::started,
                 StartedAttempt{.key = job.key, .worker = core_.lease.live(clock().now())});
}

void WorkerProcess::start() {
    CHECK(core_.executor.start().has_value());
    auto models = schedule::ModelTable::make(core_.executor.backends());
    CHECK(models.has_value());
    parts_.emplace(core_, *std::move(models),
                   worker::Wakers{.claim = [this] { wake(claim_); },
                                  .settle = [this] { wake(settle_); },
                                  .events = [this] { wake(events_); }});
    auto& parts = *parts_;
    events_ = add_thread(worker::kTick, [this] { core_.events.step(); });
    settle_ = add_thread(worker::kTick, [&parts] { parts.settle(); });
    claim_ = add_thread(worker::kTick, [&parts] { parts.claim(); });
    add_thread(worker::kDeadlineTick, [this] { core_.executor.tick(); });
    add_thread(worker::kTopicsInterval, [&parts] { parts.ensure_topics(); });
    add_thread(parts.lease_interval(), [&parts] { parts.keep_lease(); });
    add_thread(worker::kPartialTick, [&parts] { parts.checkpoints.step(); });
    add_thread(kPollInterval, [&parts] {
        if (!parts.drain) parts.consumer.step(milliseconds(0));
    });
    add_thread(kPollInterval, [&parts] { parts.control.step(milliseconds(0)); });
}

void WorkerProcess::drain() {
    if (parts_->drain) return;
    world().say(name(), "drains");
    parts_->begin_drain(parts_->core.options.drain.timeout);
    parts_->job_messages->close();
    add_thread(worker::kDeadlineTick, [this] { step_drain(); });
}

void WorkerProcess::step_drain() {
    if (drained_ || !parts_->drain->step()) return;
    drained_ = true;
    parts_->lease_keeper.say_goodbye();
    world().say(name(), "has drained");
    kill();
}

bool WorkerProcess::holds_nothing() const {
    const auto load = core_.executor.load();
    return core_.executor.held() == 0 && load.free == core_.executor.held_max();
}

WorkerGlance WorkerProcess::glance() {
    WorkerGlance glance{.process = number_,
                        .worker = worker(),
                        .slots = core_.executor.held_max(),
                        .held = core_.executor.held(),
                        .lane_buffer_max = parts_->lanes.buffer_max(),
                        .models = shape_.models};
    const bool disturbed = std::exchange(disturbed_, false);
    glance.is_ready = is_alive() && !is_paused() && !is_cut_off() && !disturbed && !parts_->drain &&
                      !parts_->claimer.is_confining() &&
                      core_.lease.live(clock().now()).has_value();
    const auto load = core_.executor.load();
    glance.free = std::min(load.free, load.backends.front().jobs_of_any_key());
    for (schedule::LaneIndex lane = 0; lane < core_.lanes.size(); ++lane) {
        glance.lanes.push_back(parts_->lanes.waiting(lane));
    }
    return glance;
}

}  // namespace millrace::simulation
