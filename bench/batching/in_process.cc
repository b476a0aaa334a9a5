#include "bench/batching/in_process.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>

#include "bench/load/quantile.h"
#include "common/base/random.h"
#include "common/wire/messages.h"
#include "tests/support/memory_broker.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "worker/app/worker.h"

namespace millrace::bench {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The jobs whose outcome has just been written.
class Written {
 public:
    void add(const std::vector<storage::SettledAttempt>& attempts) {
        {
            const std::lock_guard lock(mutex_);
            for (const auto& attempt : attempts) jobs_.push_back(attempt.key.job);
        }
        changed_.notify_one();
    }
    std::vector<JobId> wait() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, seconds(30), [this] { return !jobs_.empty(); })) {
            throw std::runtime_error("no job ends any more");
        }
        return std::exchange(jobs_, {});
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<JobId> jobs_;
};

class WatchedStore : public test::MemoryJobStore {
 public:
    WatchedStore(test::MemoryDatabase& database, Written& written)
        : MemoryJobStore(database), written_(written) {}

    Result<std::vector<storage::SettledReply>> job_settle(
        WorkerId worker, const std::vector<storage::SettledAttempt>& attempts) override {
        auto replies = MemoryJobStore::job_settle(worker, attempts);
        written_.add(attempts);
        return replies;
    }

 private:
    Written& written_;
};

std::vector<std::unique_ptr<backends::Backend>> make_backends(const Curve& curve) {
    std::vector<std::unique_ptr<backends::Backend>> backends;
    backends.push_back(std::make_unique<backends::synthetic::SyntheticBackend>(curve.options()));
    return backends;
}

worker::WorkerOptions worker_options(const schedule::BatchOptions& batch) {
    worker::WorkerOptions options;
    options.name = "bench";
    options.queues = {"default"};
    options.topic_prefix = "bench";
    options.executor = {.worker_name = "bench", .batch = batch};
    return options;
}

}  // namespace

class InProcess::Impl {
 public:
    Impl(const Curve& curve, const schedule::BatchOptions& batch)
        : worker_([this] { return std::make_unique<WatchedStore>(database_, written_); }, broker_,
                  make_backends(curve), worker_options(batch)) {
        (void)store_.queue_register({"default"});
        if (!worker_.start()) throw std::runtime_error("the worker did not start");
        // The first message waits for topics, consumers and the lease.
        submit(inputs_of(false).front());
        written_.wait();
    }
    ~Impl() {
        worker_.drain();
        worker_.finish();
    }

    JobId submit(const std::string& input) {
        const JobId id(ids_.next(store_.database_time()));
        const JobSpec spec{{.queue = "default",
                            .model = "synthetic",
                            .policy = {.execution_timeout = seconds(600), .attempts_max = 3}},
                           input,
                           {}};
        (void)store_.job_insert({test::new_job(id, spec)});
        publisher_->publish({{.topic = topics_.jobs("default", Priority::kNormal),
                              .key = id.str(),
                              .value = wire::encode(wire::Dispatch{.job = id, .spec = spec})}});
        return id;
    }

    double closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                       milliseconds duration) {
        std::unordered_map<JobId, std::size_t> client_of;
        for (std::size_t i = 0; i < clients; ++i) client_of[submit(inputs[i % inputs.size()])] = i;
        const auto begun = Steady::now();
        RateOfEnds rate(begun + duration / 4);
        const auto until = begun + duration;
        while (!client_of.empty()) {
            const auto written = written_.wait();
            const auto now = Steady::now();
            for (const auto& id : written) {
                const auto client = client_of.extract(id).mapped();
                if (now >= until) continue;
                rate.add(now);
                client_of[submit(inputs[client % inputs.size()])] = client;
            }
        }
        return rate.per_second();
    }

    double lone_ms(int jobs, milliseconds pause) {
        std::vector<double> times;
        for (int i = 0; i < jobs; ++i) {
            std::this_thread::sleep_for(pause);
            const auto before = Steady::now();
            submit(inputs_of(false).front());
            written_.wait();
            const std::chrono::duration<double, std::milli> took = Steady::now() - before;
            times.push_back(took.count());
        }
        return median(times);
    }

 private:
    Written written_;
    test::MemoryDatabase database_{system_clock()};
    test::MemoryJobStore store_{database_};
    UuidGenerator ids_{system_random()};
    test::MemoryBroker broker_;
    const broker::Topics topics_{"bench"};
    const std::unique_ptr<broker::Publisher> publisher_ = broker_.make_publisher();
    worker::Worker worker_;
};

InProcess::InProcess(const Curve& curve, const schedule::BatchOptions& options)
    : impl_(std::make_unique<Impl>(curve, options)) {}
InProcess::~InProcess() = default;

double InProcess::closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                              milliseconds duration) {
    return impl_->closed_loop(clients, inputs, duration);
}

double InProcess::lone_ms(int jobs, milliseconds pause) {
    return impl_->lone_ms(jobs, pause);
}

}  // namespace millrace::bench
