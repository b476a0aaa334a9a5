#include "worker/worker.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "common/runtime/periodic.h"
#include "common/runtime/thread.h"
#include "common/telemetry/telemetry.h"
#include "worker/consume/consumer.h"
#include "worker/consume/control_listener.h"

namespace millrace::worker {

using runtime::Periodic;
using telemetry::Metric;

namespace {

// How soon a tick sees what nobody pokes it for: a retry that is due, a period that has begun.
constexpr milliseconds kTick{50};
constexpr milliseconds kDeadlineTick{20};
constexpr milliseconds kPollTimeout{100};
constexpr milliseconds kTopicsInterval{5000};
constexpr milliseconds kTopicsTimeout{2000};
constexpr milliseconds kFlushTimeout{5000};

std::vector<Backend*> borrow(const std::vector<std::unique_ptr<Backend>>& backends) {
    std::vector<Backend*> borrowed;
    borrowed.reserve(backends.size());
    for (const auto& backend : backends) borrowed.push_back(backend.get());
    return borrowed;
}

ClaimerOptions claimer_options(const WorkerOptions& options, const std::vector<LaneInfo>& lanes) {
    auto claims = options.claims;
    const std::array weights{options.share_high, options.share_normal, options.share_low};
    for (const auto& lane : lanes) {
        const auto rank = static_cast<std::size_t>(lane.priority);
        claims.shares.push_back({.weight = weights[rank], .rank = static_cast<int>(rank)});
    }
    return claims;
}

std::vector<std::string> topic_names(const broker::Topics& topics,
                                     const std::vector<LaneInfo>& lanes) {
    std::vector<std::string> names;
    names.reserve(lanes.size());
    for (const auto& lane : lanes) names.push_back(topics.jobs(lane.queue, lane.priority));
    return names;
}

// Two batches for each slot: enough to claim from while the next poll is under way.
std::size_t buffer_max(const WorkerOptions& options, std::size_t slots) {
    return std::clamp<std::size_t>(2 * slots, std::min<std::size_t>(16, options.lane_buffer_max),
                                   options.lane_buffer_max);
}

}  // namespace

// What exists only once the backends are loaded, and the threads.
class Worker::Flow {
 public:
    Flow(Worker& worker, ModelTable models)
        : worker_(worker),
          models_(std::move(models)),
          lanes_(worker.lanes_, models_.backends().size(),
                 buffer_max(worker.options_, worker.executor_.slots())),
          offsets_(worker.options_.offsets),
          claim_store_(worker.open_store_()),
          settle_store_(worker.open_store_()),
          lease_store_(worker.open_store_()),
          job_messages_(worker.broker_.subscribe(worker.options_.topic_prefix + ".workers",
                                                 topic_names(worker.topics_, worker.lanes_))),
          control_messages_(worker.broker_.tail({worker.topics_.control()})),
          writer_(*settle_store_, worker.ended_, worker.executor_, worker.events_, clock(),
                  random(), worker.options_.completions),
          claimer_(*claim_store_, worker.lease_, lanes_, offsets_, models_, worker.executor_,
                   writer_, clock(), random(), claimer_options(worker.options_, worker.lanes_)),
          lease_keeper_(*lease_store_, worker.lease_, worker.executor_, worker.outputs_, clock(),
                        random(), lease_keeper_options(), [this] { claimer_.want_reconcile(); }),
          consumer_(*job_messages_, worker.topics_, lanes_, offsets_, models_, clock(),
                    [this] { claim_tick_->poke(); }),
          control_(*control_messages_, [this](const wire::CancelAttempt& order) {
              if (order.worker != worker_.lease_.worker()) return;
              if (worker_.executor_.cancel(order.key)) {
                  telemetry::count<Metric::kCancels>(1, "control");
              }
          }) {
        start_threads();
    }

    void drain() {
        claimer_.stop();
        lease_keeper_.ask_to_drain();
        lease_tick_->poke();
        consume_.request_stop();
        drain_.emplace(worker_.executor_, clock(), worker_.options_.drain);
    }

    void hurry() { drain_->hurry(); }

    // Each in turn, after those that poke it.
    void finish() {
        consume_ = {};
        job_messages_->close();
        wait_until_drained();
        topics_tick_.reset();
        control_thread_ = {};
        deadline_tick_.reset();
        claim_tick_.reset();
        lease_tick_.reset();
        worker_.executor_.stop();
        settle_tick_.reset();
        lease_keeper_.say_goodbye();
        events_tick_.reset();
    }

 private:
    static const Clock& clock() { return system_clock(); }
    static Random& random() { return system_random(); }

    LeaseKeeperOptions lease_keeper_options() const {
        const auto& options = worker_.options_;
        return {.info = {.name = options.name,
                         .host = options.host,
                         .pid = static_cast<int>(getpid()),
                         .slots = static_cast<int>(worker_.executor_.slots()),
                         .queues = options.queues,
                         .models = models_.models()},
                .heartbeat_interval = options.heartbeat_interval,
                .retry_interval = options.heartbeat_interval / 10};
    }

    // Nothing is claimed before the lease thread has registered, so it is the last.
    void start_threads() {
        auto& worker = worker_;
        events_tick_.emplace(runtime::PeriodicOptions{.name = "events", .interval = kTick},
                             [&worker] { worker.events_.step(); });
        settle_tick_.emplace(runtime::PeriodicOptions{.name = "settle", .interval = kTick}, [this] {
            while (writer_.step()) {
            }
        });
        deadline_tick_.emplace(
            runtime::PeriodicOptions{.name = "deadlines", .interval = kDeadlineTick},
            [&worker] { worker.executor_.tick(); });
        claim_tick_.emplace(runtime::PeriodicOptions{.name = "claim", .interval = kTick}, [this] {
            while (claimer_.step()) {
            }
            report();
        });
        topics_tick_.emplace(
            runtime::PeriodicOptions{
                .name = "topics", .interval = kTopicsInterval, .run_at_once = true},
            [this] { ensure_topics(); });
        worker.events_.on_first([this] { events_tick_->poke(); });
        worker.ended_.on_first([this] { settle_tick_->poke(); });
        worker.executor_.on_free([this] { claim_tick_->poke(); });
        const auto lease_interval = std::min(worker.options_.heartbeat_interval / 5, 4 * kTick);
        lease_tick_.emplace(
            runtime::PeriodicOptions{
                .name = "lease", .interval = lease_interval, .run_at_once = true},
            [this] { lease_keeper_.step(); });
        consume_ = runtime::Thread("consume", [this](const std::stop_token& stop) {
            while (!stop.stop_requested()) consumer_.step(kPollTimeout);
        });
        control_thread_ = runtime::Thread("control", [this](const std::stop_token& stop) {
            while (!stop.stop_requested()) control_.step(kPollTimeout);
        });
    }

    void report() const {
        telemetry::set<Metric::kSlotsBusy>(static_cast<double>(worker_.executor_.held()));
        for (LaneIndex lane = 0; lane < worker_.lanes_.size(); ++lane) {
            const auto& info = worker_.lanes_[lane];
            telemetry::set<Metric::kLaneBuffer>(static_cast<double>(lanes_.waiting(lane)),
                                                info.queue, name(info.priority));
        }
    }

    // Gateways make them too; a worker may be first. Until then it steals.
    void ensure_topics() {
        if (topics_exist_) return;
        std::vector<broker::TopicSpec> specs;
        for (auto& topic : topic_names(worker_.topics_, worker_.lanes_)) {
            specs.push_back({.name = std::move(topic), .partitions = worker_.options_.partitions});
        }
        specs.push_back(
            {.name = worker_.topics_.events(), .partitions = worker_.options_.partitions});
        specs.push_back({.name = worker_.topics_.control(), .partitions = 1});
        const auto ensured = worker_.broker_.ensure_topics(specs, kTopicsTimeout);
        topics_exist_ = ensured.has_value();
        if (!topics_exist_) {
            log_warning("topics cannot be ensured; jobs are stolen until they can",
                        {{"error", to_string(ensured.error())}});
        }
    }

    void wait_until_drained() {
        std::promise<void> drained;
        bool over = false;
        Periodic tick({.name = "drain", .interval = kDeadlineTick, .run_at_once = true}, [&] {
            if (over || !drain_->step()) return;
            over = true;
            drained.set_value();
        });
        drained.get_future().wait();
    }

    Worker& worker_;
    const ModelTable models_;
    Lanes lanes_;
    OffsetTracker offsets_;
    std::unique_ptr<storage::JobStore> claim_store_;
    std::unique_ptr<storage::JobStore> settle_store_;
    std::unique_ptr<storage::JobStore> lease_store_;
    std::unique_ptr<broker::Subscriber> job_messages_;
    std::unique_ptr<broker::Subscriber> control_messages_;
    CompletionWriter writer_;
    Claimer claimer_;
    LeaseKeeper lease_keeper_;
    Consumer consumer_;
    ControlListener control_;
    std::optional<Drain> drain_;
    bool topics_exist_ = false;  // Of the topics thread.

    // Last: they use all of the above.
    std::optional<Periodic> events_tick_;
    std::optional<Periodic> settle_tick_;
    std::optional<Periodic> deadline_tick_;
    std::optional<Periodic> claim_tick_;
    std::optional<Periodic> topics_tick_;
    std::optional<Periodic> lease_tick_;
    runtime::Thread consume_;
    runtime::Thread control_thread_;
};

Worker::Worker(storage::OpenStore open_store, broker::Broker& broker,
               std::vector<std::unique_ptr<Backend>> backends, WorkerOptions options)
    : options_(std::move(options)),
      open_store_(std::move(open_store)),
      broker_(broker),
      topics_(options_.topic_prefix),
      lanes_(lanes_of(options_.queues)),
      publisher_(broker.make_publisher()),
      backends_(std::move(backends)),
      lease_(options_.lease),
      outputs_(options_.outputs),
      events_(*publisher_, topics_, outputs_, {.key = options_.name}),
      executor_(borrow(backends_), lanes_.size(), ended_, outputs_, events_, lease_, system_clock(),
                options_.executor) {}

Worker::~Worker() {
    // Before the threads go, which hear of every attempt that ends.
    executor_.stop();
}

Status Worker::start() {
    TRY_STATUS(executor_.start());
    TRY(auto models, ModelTable::make(executor_.backends()));
    flow_ = std::make_unique<Flow>(*this, std::move(models));
    return ok();
}

void Worker::drain() {
    flow_->drain();
}

void Worker::hurry() {
    flow_->hurry();
}

void Worker::finish() {
    flow_->finish();
    events_.step();
    publisher_->flush(kFlushTimeout);
}

}  // namespace millrace::worker
