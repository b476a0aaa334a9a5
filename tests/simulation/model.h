// A backend in virtual time: as the weather and the job say, it completes, fails, hangs, is slow to
// obey an abort, or takes its worker down with it.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "tests/simulation/process.h"
#include "tests/simulation/weather.h"
#include "worker/backends/backend.h"

namespace millrace::simulation {

// The inputs of special jobs.
inline constexpr std::string_view kPoison =
    R"({"is":"poison"})";  // Kills the process that runs it.

class Model : public backends::Backend {
 public:
    // `on_start` is called for each attempt that starts.
    Model(Process& process, const Weather::Model& weather, backends::BackendInfo info,
          std::function<void(const ClaimedJob&)> on_start);

    Status start(backends::ExecutionSink& sink) override;
    void stop() override;
    backends::BackendInfo info() const override { return info_; }
    void run(std::vector<backends::Execution> batch) override;
    void abort(const AttemptKey& key, backends::AbortReason reason) override;

 private:
    void begin(const ClaimedJob& job);
    Outcome draw_outcome();
    void end_after(microseconds delay, const AttemptKey& key, Outcome outcome);
    // Takes the key by value, because it may be an element of running_.
    void end(AttemptKey key, Outcome outcome);

    Process& process_;
    World& world_;
    const Weather::Model& weather_;
    const backends::BackendInfo info_;
    const std::function<void(const ClaimedJob&)> on_start_;
    backends::ExecutionSink* sink_ = nullptr;
    std::set<AttemptKey> running_;
};

}  // namespace millrace::simulation
