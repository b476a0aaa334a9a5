// One of four model servers becomes ten times slower: how many of the tokens still go there, second
// by second. The openai backend over real connections, with servers that only pretend to compute.
//
//   slow_endpoint_bench [SECONDS]
//
// Half of the servers' slots are in use all the time. The server turns slow after ten seconds.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/random.h"
#include "tests/support/fake_server.h"
#include "worker/backends/openai/openai_backend.h"

namespace millrace::bench {
namespace {

using std::chrono::seconds;

constexpr std::size_t kServers = 4;
constexpr std::size_t kSlots = 8;
constexpr std::size_t kJobs = kServers * kSlots / 2;
constexpr std::size_t kSlow = 2;  // The server that turns slow.
constexpr int kTokens = 40;       // In each answer.
constexpr milliseconds kToken{5};
constexpr seconds kHealthy{10};

// A server that sends a token at a fixed interval, and counts the tokens of the requests that it
// received.
class Model {
 public:
    Model() : server_([this](test::Exchange& exchange) { answer(exchange); }) {}

    std::string url() const { return server_.url(); }
    void slow_down(int factor) { factor_ = factor; }
    int tokens() const { return tokens_; }

 private:
    void answer(test::Exchange& exchange) {
        tokens_ += kTokens;
        exchange.begin_stream();
        for (int i = 0; i < kTokens && !exchange.closed(); ++i) {
            wait(kToken * factor_.load());
            exchange.event(R"({"choices":[{"index":0,"delta":{"content":"x"}}]})");
        }
        exchange.event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
        exchange.event(fmt::format(
            R"({{"choices":[],"usage":{{"prompt_tokens":1,"completion_tokens":{}}}}})", kTokens));
        exchange.event("[DONE]");
        exchange.end_stream();
    }
    void wait(milliseconds time) {
        std::unique_lock lock(mutex_);
        never_.wait_for(lock, time, [] { return false; });
    }

    std::atomic<int> factor_{1};
    std::atomic<int> tokens_{0};
    std::mutex mutex_;
    std::condition_variable never_;
    test::FakeServer server_;  // Last: it calls answer().
};

// Keeps kJobs jobs running until it is stopped.
class Callers : public backends::ExecutionSink {
 public:
    explicit Callers(backends::Backend& backend) : backend_(backend) {}

    void start() {
        for (std::size_t i = 0; i < kJobs; ++i) submit();
    }
    void stop() { is_stopping_ = true; }
    int completed() const { return completed_; }

    void partial(const AttemptKey&, std::string_view) override {}
    void progress(const AttemptKey&, double, std::string_view) override {}
    void finished(const AttemptKey&, Outcome outcome) override {
        if (outcome.kind == OutcomeKind::kCompleted) ++completed_;
        if (!is_stopping_) submit();
    }

 private:
    void submit() {
        backends::Execution execution;
        {
            const std::lock_guard lock(mutex_);
            execution.job.key = {JobId(ids_.next(milliseconds(1))), 1};
        }
        execution.job.spec.model = "m";
        execution.job.spec.input_json = R"({"prompt":"x","max_tokens":40})";
        execution.deadline = system_clock().now() + std::chrono::hours(1);
        std::vector<backends::Execution> batch;
        batch.push_back(std::move(execution));
        backend_.run(std::move(batch));
    }

    backends::Backend& backend_;
    std::mutex mutex_;
    UuidGenerator ids_{system_random()};
    std::atomic<bool> is_stopping_{false};
    std::atomic<int> completed_{0};
};

// Waits for a second; returns the slow server's share of the tokens in that time.
double share_of_next_second(const std::array<Model, kServers>& models) {
    static std::mutex mutex;
    static std::condition_variable never;
    std::array<int, kServers> before{};
    for (std::size_t i = 0; i < kServers; ++i) before[i] = models[i].tokens();
    std::unique_lock lock(mutex);
    never.wait_for(lock, seconds(1), [] { return false; });
    std::array<int, kServers> now{};
    for (std::size_t i = 0; i < kServers; ++i) now[i] = models[i].tokens() - before[i];
    const auto sum = std::accumulate(now.begin(), now.end(), 0);
    return sum == 0 ? 0 : static_cast<double>(now[kSlow]) / sum;
}

int run(int slow_seconds) {
    std::array<Model, kServers> models;
    backends::openai::OpenAiOptions options{.models = {"m"}, .profile = "generic", .slots = kSlots};
    for (const auto& model : models) options.base_urls.push_back(model.url());
    backends::openai::OpenAiBackend backend(std::move(options));
    Callers callers(backend);
    const auto status = backend.start(callers);
    if (!status.has_value()) {
        fmt::print(stderr, "slow_endpoint_bench: {}\n", status.error().message);
        return 1;
    }
    callers.start();
    fmt::print("| second | share of the tokens |\n| --- | --- |\n");
    double healthy = 0;
    for (int i = 0; i < kHealthy.count(); ++i) healthy += share_of_next_second(models);
    fmt::print("| before | {:.1f} % |\n", 100 * healthy / static_cast<double>(kHealthy.count()));
    models[kSlow].slow_down(10);
    for (int i = 1; i <= slow_seconds; ++i) {
        fmt::print("| {} | {:.1f} % |\n", i, 100 * share_of_next_second(models));
    }
    callers.stop();
    backend.stop();
    fmt::print("\n{} jobs completed\n", callers.completed());
    return 0;
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
    return millrace::bench::run(argc > 1 ? std::atoi(argv[1]) : 20);
}
