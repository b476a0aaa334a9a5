#include "common/runtime/periodic.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/random.h"

namespace millrace::runtime {

Periodic::Periodic(PeriodicOptions options, std::function<void()> body)
    : options_(std::move(options)), body_(std::move(body)), poked_(options_.run_at_once) {
    CHECK(options_.interval > milliseconds(0));
    CHECK(options_.jitter >= 0 && options_.jitter <= 1);
    thread_ = Thread(options_.name, [this](const std::stop_token& stop) { loop(stop); });
}

void Periodic::poke() {
    {
        const MutexLock lock(mutex_);
        poked_ = true;
    }
    changed_.notify_one();
}

void Periodic::stop() {
    thread_.request_stop();
    thread_.join();
}

void Periodic::loop(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const auto due = next_due();
        {
            MutexLock lock(mutex_);
            changed_.wait_until(lock, stop, due, [this]() REQUIRES(mutex_) { return poked_; });
            if (stop.stop_requested()) return;
            poked_ = false;
        }
        body_();
    }
}

MonoTime Periodic::next_due() const {
    const double factor = 1 + options_.jitter * (2 * system_random().unit() - 1);
    const milliseconds wait(
        static_cast<std::int64_t>(static_cast<double>(options_.interval.count()) * factor));
    const auto due = system_clock().now() + wait;
    return options_.due ? std::min(due, options_.due()) : due;
}

}  // namespace millrace::runtime
