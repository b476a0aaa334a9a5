#include "bench/lanes/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>

#include "bench/load/caller.h"

namespace millrace::bench {

using Steady = std::chrono::steady_clock;

std::string job_request(const std::string& model, const std::string& priority,
                        const std::string& input, const std::string& headers) {
    return post(
        "/v1/jobs",
        fmt::format(R"({{"model":"{}","priority":"{}","input":{}}})", model, priority, input),
        headers);
}

OpenLoop::OpenLoop(int port, Requests requests, double per_second)
    : thread_("open-loop",
              [port, requests = std::move(requests), per_second](const std::stop_token& stop) {
                  const std::chrono::duration<double> pause(1 / per_second);
                  Caller caller(port);
                  auto next = Steady::now();
                  while (!stop.stop_requested()) {
                      next += std::chrono::duration_cast<Steady::duration>(pause);
                      std::this_thread::sleep_until(next);
                      const int status = caller.exchange(requests());
                      if (status != 202)
                          throw std::runtime_error(fmt::format("a call answered {}", status));
                  }
              }) {}

Seen closed_loop(int port, const Requests& requests, int callers, std::chrono::seconds duration) {
    const auto begun = Steady::now();
    const auto counted_from = begun + duration / 5;
    const auto until = begun + duration;
    std::mutex mutex;
    std::vector<double> times;
    run_callers(port, callers, [&](Caller& caller, int) {
        while (Steady::now() < until) {
            const auto request = requests();
            const auto sent = Steady::now();
            const int status = caller.exchange(request);
            if (status != 200) throw std::runtime_error(fmt::format("a call answered {}", status));
            const auto now = Steady::now();
            if (now < counted_from || now >= until) continue;
            const std::chrono::duration<double, std::milli> took = now - sent;
            const std::lock_guard lock(mutex);
            times.push_back(took.count());
        }
    });
    const std::chrono::duration<double> counted = until - counted_from;
    const auto sum = std::accumulate(times.begin(), times.end(), 0.0);
    return {.per_second = static_cast<double>(times.size()) / counted.count(),
            .mean_ms = sum / static_cast<double>(std::max<std::size_t>(times.size(), 1))};
}

void let_pass(std::chrono::seconds time) {
    std::this_thread::sleep_for(time);
}

}  // namespace millrace::bench
