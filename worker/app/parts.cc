#include "worker/app/parts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::worker {

using telemetry::Metric;

namespace {

constexpr milliseconds kTopicsTimeout{2000};

std::vector<backends::Backend*> borrow(
    const std::vector<std::unique_ptr<backends::Backend>>& backends) {
    std::vector<backends::Backend*> borrowed;
    borrowed.reserve(backends.size());
    for (const auto& backend : backends) borrowed.push_back(backend.get());
    return borrowed;
}

execute::ClaimerOptions claimer_options(const Core& core) {
    const auto& options = core.options;
    auto claims = options.claims;
    const std::array weights{options.share_high, options.share_normal, options.share_low};
    for (const auto& lane : core.lanes) {
        const auto rank = static_cast<std::size_t>(lane.priority);
        claims.shares.push_back({.weight = weights[rank], .rank = static_cast<int>(rank)});
    }
    return claims;
}

std::vector<std::string> topic_names(const Core& core) {
    std::vector<std::string> names;
    names.reserve(core.lanes.size());
    for (const auto& lane : core.lanes)
        names.push_back(core.topics.jobs(lane.queue, lane.priority));
    return names;
}

// "process:GPU-5f3a…" for each slot that is bound to a device.
std::vector<std::string> devices_of(const schedule::ModelTable& models) {
    std::vector<std::string> devices;
    for (const auto& backend : models.backends()) {
        for (const auto& device : backend.devices) devices.push_back(backend.name + ":" + device);
    }
    return devices;
}

// Two batches for each slot, so that there is enough to claim from while the next poll is under
// way. At least kLeast, so that jobs of one batch key find each other.
std::size_t buffer_max(const Core& core) {
    constexpr std::size_t kLeast = 64;
    const auto max = core.options.lane_buffer_max;
    return std::clamp(2 * core.executor.slots(), std::min(kLeast, max), max);
}

}  // namespace

Core::Core(WorkerOptions worker_options, Dependencies dependencies,
           std::vector<std::unique_ptr<backends::Backend>> its_backends)
    : options(std::move(worker_options)),
      given(std::move(dependencies)),
      topics(options.topic_prefix),
      lanes(schedule::lanes_of(options.queues)),
      publisher(given.broker.make_publisher()),
      backends(std::move(its_backends)),
      lease(options.lease),
      outputs(options.outputs),
      events(*publisher, topics, outputs, {.key = options.name}),
      executor(borrow(backends), lanes.size(), ended, outputs, events, lease, given.clock,
               options.executor) {}

Parts::Parts(Core& its_core, schedule::ModelTable its_models, Wakers wakers)
    : core(its_core),
      models(std::move(its_models)),
      lanes(core.lanes, models.backends().size(), buffer_max(core),
            [this](schedule::BackendIndex backend, const JobSpec& spec) {
                return core.backends[backend]->batch_key(spec);
            }),
      offsets(core.options.offsets),
      hints(core.lanes, core.options.claims.steal.bound / 2),
      claim_store(core.given.open_store()),
      settle_store(core.given.open_store()),
      lease_store(core.given.open_store()),
      checkpoint_store(core.given.open_store()),
      job_messages(
          core.given.broker.subscribe(core.options.topic_prefix + ".workers", topic_names(core))),
      control_messages(core.given.broker.tail({core.topics.control()})),
      writer(*settle_store, core.ended, core.executor, core.events, core.given.clock,
             core.given.random, core.options.completions),
      claimer(*claim_store, core.lease, lanes, offsets, hints, models, core.executor, writer,
              core.given.clock, core.given.random, claimer_options(core)),
      checkpoints(*checkpoint_store, core.outputs, core.given.clock),
      lease_keeper(*lease_store, core.lease, core.executor, core.given.clock, core.given.random,
                   lease_keeper_options(),
                   {.reconcile = [this] { claimer.want_reconcile(); },
                    .make_way = [this](bool wanted) { claimer.make_way(wanted); }}),
      consumer(*job_messages, core.topics, lanes, offsets, models, core.given.clock, wakers.claim),
      control(*control_messages, hints, [this](const wire::CancelAttempt& order) {
          if (order.worker != core.lease.worker()) return;
          if (core.executor.cancel(order.key)) telemetry::count<Metric::kCancels>(1, "control");
      }) {
    core.events.on_first(std::move(wakers.events));
    core.ended.on_first(std::move(wakers.settle));
    core.executor.on_free(std::move(wakers.claim));
    core.executor.on_earlier_tick(std::move(wakers.tick));
}

Parts::~Parts() {
    report_slots(0);
}

void Parts::claim() {
    while (claimer.step()) {
    }
    report();
}

void Parts::settle() {
    while (writer.step()) {
    }
}

void Parts::keep_lease() {
    if (auto backends = core.executor.changes()) {
        for (const auto& model : models.replace(*std::move(backends))) {
            log_warning(
                "two backends serve the same model; its jobs run on the one that had it first",
                {{"model", model}});
        }
        lease_keeper.serve(models.models());
    }
    // A worker that has nothing useful to do yet does not register.
    if (models.is_of_use() || lease_keeper.is_registered()) lease_keeper.step();
}

void Parts::ensure_topics() {
    if (topics_exist_) return;
    const auto partitions = core.options.partitions;
    std::vector<broker::TopicSpec> specs;
    for (auto& topic : topic_names(core)) {
        specs.push_back({.name = std::move(topic), .partitions = partitions});
    }
    specs.push_back({.name = core.topics.events(), .partitions = partitions});
    specs.push_back({.name = core.topics.control(), .partitions = 1});
    const auto ensured = core.given.broker.ensure_topics(specs, kTopicsTimeout);
    topics_exist_ = ensured.has_value();
    if (!topics_exist_) {
        log_warning("topics cannot be created; jobs are stolen meanwhile",
                    {{"error", to_string(ensured.error())}});
    }
}

milliseconds Parts::lease_interval() const {
    return std::min(core.options.heartbeat_interval / 5, 4 * kTick);
}

void Parts::begin_drain(milliseconds timeout) {
    claimer.stop();
    lease_keeper.ask_to_drain();
    auto options = core.options.drain;
    options.timeout = timeout;
    drain.emplace(core.executor, core.given.clock, options);
}

execute::LeaseKeeperOptions Parts::lease_keeper_options() const {
    const auto& options = core.options;
    return {.info = {.name = options.name,
                     .host = options.host,
                     .pid = static_cast<int>(getpid()),
                     .slots = static_cast<int>(core.executor.slots()),
                     .queues = options.queues,
                     .models = models.models(),
                     .devices = devices_of(models)},
            .heartbeat_interval = options.heartbeat_interval,
            .retry_interval = options.heartbeat_interval / 10};
}

void Parts::report() {
    report_slots(static_cast<std::int64_t>(core.executor.held()));
    if (claimer.is_stopped()) return;  // Only the worker that takes jobs reports the lanes.
    for (schedule::LaneIndex lane = 0; lane < core.lanes.size(); ++lane) {
        const auto& info = core.lanes[lane];
        telemetry::set<Metric::kLaneBuffer>(lanes.waiting(lane), info.queue, name(info.priority));
    }
}

void Parts::report_slots(std::int64_t held) {
    // The workers of one process may overlap; see generations.h.
    static std::atomic<std::int64_t> held_by_all = 0;
    const auto change = held - std::exchange(slots_reported_, held);
    telemetry::set<Metric::kSlotsBusy>(held_by_all += change);
}

}  // namespace millrace::worker
