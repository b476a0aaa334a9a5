#include "bench/batching/curve.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/load/quantile.h"
#include "common/base/random.h"
#include "common/base/uuid.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using Ms = std::chrono::duration<double, std::milli>;

// Counts ended jobs and waits for them.
class Counter : public backends::ExecutionSink {
 public:
    void partial(const AttemptKey&, std::string_view) override {}
    void progress(const AttemptKey&, double, std::string_view) override {}
    void finished(const AttemptKey&, Outcome) override {
        const std::lock_guard lock(mutex_);
        if (++ended_ == wanted_) changed_.notify_one();
    }
    void wait_for(std::size_t jobs) {
        std::unique_lock lock(mutex_);
        wanted_ += jobs;
        changed_.wait(lock, [this] { return ended_ == wanted_; });
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t ended_ = 0;
    std::size_t wanted_ = 0;
};

// Calls a backend that has no other caller.
class Direct {
 public:
    explicit Direct(const Curve& curve) : backend_(curve.options()) {
        (void)backend_.start(counter_);
    }
    ~Direct() { backend_.stop(); }

    // Runs the jobs and returns the time in milliseconds.
    double run(std::size_t jobs) {
        std::vector<backends::Execution> batch(jobs);
        for (auto& execution : batch) {
            execution.job.key = {JobId(ids_.next(milliseconds(1))), 1};
            execution.job.spec.input_json = inputs_of(false).front();
            execution.deadline = MonoTime::max();
        }
        const auto before = std::chrono::steady_clock::now();
        backend_.run(std::move(batch));
        counter_.wait_for(jobs);
        return Ms(std::chrono::steady_clock::now() - before).count();
    }

 private:
    Counter counter_;
    backends::synthetic::SyntheticBackend backend_;
    UuidGenerator ids_{system_random()};
};

}  // namespace

std::vector<Curve> curves() {
    return {{.name = "20 ms, flat", .base = milliseconds(20)},
            {.name = "5·n ms", .per_item = milliseconds(5)},
            {.name = "10 + n ms", .base = milliseconds(10), .per_item = milliseconds(1)},
            {.name = "180 ms, flat up to 8", .base = milliseconds(180), .batch_max = 8}};
}

std::vector<std::string> inputs_of(bool mixed) {
    const auto input = [](std::size_t length, const std::string& shape) {
        return R"({"prompt":")" + std::string(length, 'x') + R"(","synthetic":{"shape":")" + shape +
               R"("}})";
    };
    if (!mixed) return {R"({"prompt":")" + std::string(100, 'x') + R"("})"};
    std::vector<std::string> inputs;
    for (const auto* shape : {"a", "b", "c"}) {
        for (const std::size_t length : {100, 600}) inputs.push_back(input(length, shape));
    }
    return inputs;
}

double direct_rate(const Curve& curve, const std::vector<std::size_t>& sizes,
                   milliseconds duration) {
    Direct direct(curve);
    double jobs = 0;
    double ms = 0;
    // Only whole rounds count.
    while (ms < Ms(duration).count()) {
        for (const auto size : sizes) {
            ms += direct.run(size);
            jobs += static_cast<double>(size);
        }
    }
    return 1000 * jobs / ms;
}

double direct_ms(const Curve& curve, int jobs, milliseconds pause) {
    Direct direct(curve);
    std::vector<double> times;
    for (int i = 0; i < jobs; ++i) {
        std::this_thread::sleep_for(pause);
        times.push_back(direct.run(1));
    }
    return median(times);
}

std::vector<std::size_t> best_sizes(const Curve& curve, std::size_t clients, std::size_t kinds) {
    if (kinds == 1) return {curve.batch_max};
    std::vector<std::size_t> sizes;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        const auto of_kind = clients / kinds + (kind < clients % kinds ? 1 : 0);
        sizes.push_back(std::min(of_kind, curve.batch_max));
    }
    return sizes;
}

}  // namespace millrace::bench
