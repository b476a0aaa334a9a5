#include "worker/app/worker.h"

#include <future>
#include <optional>
#include <utility>

#include "common/runtime/periodic.h"
#include "common/runtime/thread.h"

namespace millrace::worker {

using runtime::Periodic;

namespace {

constexpr milliseconds kPollTimeout{100};
constexpr milliseconds kFlushTimeout{5000};
// The maximum of job.execution_timeout: no attempt lasts longer.
constexpr std::chrono::days kLongestAttempt{7};

}  // namespace

class Worker::Threads {
 public:
    Threads(Core& core, schedule::ModelTable models)
        : core_(core),
          parts_(core, std::move(models),
                 {.claim = [this] { claim_->poke(); },
                  .settle = [this] { settle_->poke(); },
                  .events = [this] { events_->poke(); },
                  .tick = [this] { deadlines_->poke(); }}) {
        start();
    }

    void drain(milliseconds timeout) {
        if (parts_.drain) return parts_.drain->end_within(timeout);
        parts_.begin_drain(timeout);
        lease_->poke();
        consume_.request_stop();
    }

    void hurry() { parts_.drain->hurry(); }

    // Stops all threads that poke each other before any of them is destroyed.
    ~Threads() {
        deadlines_->stop();
        claim_->stop();
        lease_->stop();
        partials_->stop();
        settle_->stop();
    }

    // Stops the threads one after the other, each after those that give it work. A poke of a
    // stopped one does nothing.
    void finish() {
        consume_ = {};
        parts_.job_messages->close();
        wait_until_drained();
        topics_->stop();
        control_ = {};
        deadlines_->stop();
        claim_->stop();
        lease_->stop();
        core_.executor.stop();
        settle_->stop();
        parts_.lease_keeper.say_goodbye();
        events_->stop();
    }

 private:
    // Nothing is claimed before the lease thread has registered, so the threads exist by the time
    // that they are poked.
    void start() {
        events_.emplace(runtime::PeriodicOptions{.name = "events", .interval = kTick},
                        [this] { core_.events.step(); });
        settle_.emplace(runtime::PeriodicOptions{.name = "settle", .interval = kTick},
                        [this] { parts_.settle(); });
        deadlines_.emplace(
            runtime::PeriodicOptions{.name = "deadlines",
                                     .interval = kDeadlineTick,
                                     .due = [this] { return core_.executor.next_tick(); }},
            [this] { core_.executor.tick(); });
        claim_.emplace(runtime::PeriodicOptions{.name = "claim", .interval = kTick},
                       [this] { parts_.claim(); });
        topics_.emplace(
            runtime::PeriodicOptions{
                .name = "topics", .interval = kTopicsInterval, .run_at_once = true},
            [this] { parts_.ensure_topics(); });
        lease_.emplace(
            runtime::PeriodicOptions{
                .name = "lease", .interval = parts_.lease_interval(), .run_at_once = true},
            [this] { parts_.keep_lease(); });
        partials_.emplace(runtime::PeriodicOptions{.name = "partials", .interval = kPartialTick},
                          [this] { parts_.checkpoints.step(); });
        consume_ = runtime::Thread("consume", [this](const std::stop_token& stop) {
            while (!stop.stop_requested()) parts_.consumer.step(kPollTimeout);
        });
        control_ = runtime::Thread("control", [this](const std::stop_token& stop) {
            while (!stop.stop_requested()) parts_.control.step(kPollTimeout);
        });
    }

    void wait_until_drained() {
        std::promise<void> drained;
        bool over = false;
        Periodic tick({.name = "drain", .interval = kDeadlineTick, .run_at_once = true}, [&] {
            if (over || !parts_.drain->step()) return;
            over = true;
            drained.set_value();
        });
        drained.get_future().wait();
    }

    Core& core_;
    Parts parts_;

    // These come last: they use all of the above.
    std::optional<Periodic> events_;
    std::optional<Periodic> settle_;
    std::optional<Periodic> deadlines_;
    std::optional<Periodic> claim_;
    std::optional<Periodic> topics_;
    std::optional<Periodic> lease_;
    std::optional<Periodic> partials_;
    runtime::Thread consume_;
    runtime::Thread control_;
};

Worker::Worker(storage::OpenStore open_store, broker::Broker& broker,
               std::vector<std::unique_ptr<backends::Backend>> backends, WorkerOptions options)
    : core_(std::move(options),
            {.clock = system_clock(),
             .random = system_random(),
             .broker = broker,
             .open_store = std::move(open_store)},
            std::move(backends)) {}

Worker::~Worker() {
    // The threads are destroyed later, because every attempt that ends here may wake one.
    core_.executor.stop();
}

Status Worker::start() {
    TRY_STATUS(core_.executor.start());
    TRY(auto models, schedule::ModelTable::make(core_.executor.backends()));
    threads_ = std::make_unique<Threads>(core_, std::move(models));
    return ok();
}

void Worker::drain() {
    threads_->drain(core_.options.drain.timeout);
}

void Worker::retire() {
    threads_->drain(kLongestAttempt);
}

void Worker::hurry() {
    threads_->hurry();
}

void Worker::finish() {
    threads_->finish();
    core_.events.step();
    core_.publisher->flush(kFlushTimeout);
}

}  // namespace millrace::worker
