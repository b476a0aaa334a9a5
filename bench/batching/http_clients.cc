#include "bench/batching/http_clients.h"

#include <fmt/format.h>

#include <mutex>
#include <stdexcept>
#include <thread>

#include "bench/batching/curve.h"
#include "bench/load/caller.h"
#include "bench/load/quantile.h"

namespace millrace::bench {
namespace {

using Steady = std::chrono::steady_clock;

void call(Caller& caller, const std::string& request) {
    const int status = caller.exchange(request);
    if (status != 200) {
        throw std::runtime_error(fmt::format("a call answered {}: {}", status, caller.body()));
    }
}

}  // namespace

double http_closed_loop(int port, std::size_t clients, const std::vector<std::string>& requests,
                        std::chrono::milliseconds duration) {
    const auto begun = Steady::now();
    std::mutex mutex;
    RateOfEnds rate(begun + duration / 4);
    run_callers(port, static_cast<int>(clients), [&](Caller& caller, int i) {
        const auto& request = requests[static_cast<std::size_t>(i) % requests.size()];
        while (true) {
            call(caller, request);
            const auto now = Steady::now();
            if (now >= begun + duration) return;
            const std::lock_guard lock(mutex);
            rate.add(now);
        }
    });
    return rate.per_second();
}

double http_lone_ms(int port, const std::string& request, int calls,
                    std::chrono::milliseconds pause) {
    Caller caller(port);
    std::vector<double> times;
    for (int i = 0; i < calls; ++i) {
        std::this_thread::sleep_for(pause);
        const auto before = Steady::now();
        call(caller, request);
        times.push_back(std::chrono::duration<double, std::milli>(Steady::now() - before).count());
    }
    return median(times);
}

}  // namespace millrace::bench
