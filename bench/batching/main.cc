// Compares batching with the oracle: a closed loop of clients on one worker, and a lone job, on
// models of known cost. The oracle runs full batches back to back; it is measured in the same run
// by calling the model directly. Prints a table.
//
//   batching_bench [--over process|kafka|mock] [--runs 5] [--clients 64] [--curve N]
//                  [--mode adaptive|greedy|fixed] [--claim-ahead 20] [--seconds 4] [--no-lone]
//   batching_bench --over peer --port N --path PATH --body JSON --curve N
//
// The second form calls another program that batches and already has that curve (bench/peers).

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/batching/curve.h"
#include "bench/batching/http_clients.h"
#include "bench/batching/in_process.h"
#include "bench/batching/over_rest.h"
#include "bench/load/caller.h"
#include "bench/load/quantile.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;

constexpr int kLoneJobs = 20;
constexpr int kJobsAfterBurst = 5;
constexpr milliseconds kShortPause{10};
constexpr milliseconds kSettling{5000};
constexpr milliseconds kWarmUp{20000};  // For the broker's JVM.

struct Options {
    std::string over = "process";
    std::string mode = "adaptive";
    int runs = 5;
    int claim_ahead_ms = 20;
    int seconds = 4;
    std::size_t clients = 64;
    bool lone = true;
    std::optional<std::size_t> curve;  // Empty: all.
    struct Peer {
        int port = 0;
        std::string path;
        std::string body;
    } peer;
};

// The median milliseconds of a job that runs alone, as far as they are known.
struct Lone {
    std::optional<double> in_worker;
    std::optional<double> call;

    double either() const { return in_worker ? *in_worker : *call; }
};

// One worker with one curve, however it is called.
class Asked {
 public:
    virtual ~Asked() = default;
    virtual double closed_loop(const std::vector<std::string>& inputs) = 0;
    virtual Lone lone(int jobs, milliseconds pause) = 0;
};

class AskedInProcess : public Asked {
 public:
    AskedInProcess(const Curve& curve, const Options& options)
        : options_(options), worker_(curve, batch_options(options)) {}

    double closed_loop(const std::vector<std::string>& inputs) override {
        return worker_.closed_loop(options_.clients, inputs,
                                   std::chrono::seconds(options_.seconds));
    }
    Lone lone(int jobs, milliseconds pause) override {
        return {.in_worker = worker_.lone_ms(jobs, pause)};
    }

 private:
    static schedule::BatchOptions batch_options(const Options& options) {
        schedule::BatchOptions batch{.claim_ahead = milliseconds(options.claim_ahead_ms)};
        if (options.mode == "greedy") batch.delay = milliseconds(0);
        if (options.mode == "fixed") batch.mode = schedule::BatchMode::kFixed;
        return batch;
    }

    const Options& options_;
    InProcess worker_;
};

class AskedOverRest : public Asked {
 public:
    AskedOverRest(OverRest& rest, const Curve& curve, const Options& options)
        : options_(options), rest_(rest) {
        test::Settings settings{
            {"worker.batch.claim_ahead", std::to_string(options.claim_ahead_ms) + "ms"}};
        if (options.mode == "greedy") settings["worker.batch.delay"] = "0ms";
        if (options.mode == "fixed") settings["worker.batch.mode"] = "fixed";
        rest_.set_model(curve, settings);
        // The worker steals jobs until it has its partitions.
        (void)rest_.closed_loop(options.clients, inputs_of(false), kSettling);
    }

    double closed_loop(const std::vector<std::string>& inputs) override {
        return rest_.closed_loop(options_.clients, inputs, std::chrono::seconds(options_.seconds));
    }
    Lone lone(int jobs, milliseconds pause) override {
        const auto lone = rest_.lone_ms(jobs, pause);
        return {.in_worker = lone.in_worker, .call = lone.call};
    }

 private:
    const Options& options_;
    OverRest& rest_;
};

// Sends the same request every time, whatever the inputs are.
class AskedPeer : public Asked {
 public:
    explicit AskedPeer(const Options& options)
        : options_(options), request_(post(options.peer.path, options.peer.body)) {
        (void)http_closed_loop(options_.peer.port, options_.clients, {request_}, kSettling);
    }

    double closed_loop(const std::vector<std::string>&) override {
        return http_closed_loop(options_.peer.port, options_.clients, {request_},
                                std::chrono::seconds(options_.seconds));
    }
    Lone lone(int jobs, milliseconds pause) override {
        return {.call = http_lone_ms(options_.peer.port, request_, jobs, pause)};
    }

 private:
    const Options& options_;
    const std::string request_;
};

class Bench {
 public:
    explicit Bench(const Options& options) : options_(options) {
        if (options.over == "kafka" || options.over == "mock") {
            rest_.emplace(options.over == "kafka" ? test::BrokerKind::kKafka
                                                  : test::BrokerKind::kMock);
            (void)rest_->closed_loop(options.clients, inputs_of(false), kWarmUp);
        }
    }

    void run() {
        fmt::print(
            "| model | oracle, jobs/s | of the oracle | all runs | lone job: direct, ms | "
            "added in the worker | after a burst | whole call |\n");
        fmt::print("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        auto asked = curves();
        if (options_.curve) asked = {asked.at(*options_.curve)};
        for (const auto& curve : asked) report(curve, false);
        if (options_.over == "peer") return;
        for (const auto& curve : asked) report(curve, true);
    }

 private:
    std::unique_ptr<Asked> ask(const Curve& curve) {
        if (options_.over == "peer") return std::make_unique<AskedPeer>(options_);
        if (rest_) return std::make_unique<AskedOverRest>(*rest_, curve, options_);
        return std::make_unique<AskedInProcess>(curve, options_);
    }

    void report(const Curve& curve, bool mixed) {
        const auto inputs = inputs_of(mixed);
        const auto sizes = best_sizes(curve, options_.clients, inputs.size());
        const auto oracle = direct_rate(curve, sizes, milliseconds(2000));
        const auto worker = ask(curve);
        if (mixed || !options_.lone) {
            std::vector<double> shares;
            for (int i = 0; i < options_.runs; ++i) {
                shares.push_back(worker->closed_loop(inputs) / oracle);
            }
            print_rates(curve.name + (mixed ? ", six kinds" : ""), oracle, shares);
            fmt::print(" | | | | |\n");
            return;
        }
        // At 5 % load the model is busy one twentieth of the time; slow models pause for a second.
        const auto pause = std::min(19 * (curve.base + curve.per_item), milliseconds(1000));
        const auto direct = direct_ms(curve, kLoneJobs, kShortPause);
        const auto fresh = worker->lone(kLoneJobs, pause);
        std::vector<double> shares;
        std::vector<double> after_burst;
        for (int i = 0; i < options_.runs; ++i) {
            shares.push_back(worker->closed_loop(inputs) / oracle);
            after_burst.push_back(worker->lone(kJobsAfterBurst, kShortPause).either());
        }
        print_rates(curve.name, oracle, shares);
        fmt::print(" | {:.2f} | {} | {:+.2f} | {} |\n", direct, added(fresh.in_worker, direct),
                   median(after_burst) - direct, added(fresh.call, direct));
        std::fflush(stdout);
    }

    static std::string added(const std::optional<double>& ms, double direct) {
        return ms ? fmt::format("{:+.2f}", *ms - direct) : "";
    }

    static void print_rates(const std::string& name, double oracle, std::vector<double> shares) {
        std::ranges::sort(shares);
        fmt::print("| {} | {:.1f} | {:.3f} | {:.3f}", name, oracle, median(shares),
                   fmt::join(shares, " "));
        std::fflush(stdout);
    }

    const Options& options_;
    std::optional<OverRest> rest_;
};

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
    millrace::bench::Options options;
    CLI::App app("Batches against the oracle, and what a lone job waits");
    app.add_option("--over", options.over,
                   "process, over REST with the broker kafka or mock, or another program: peer")
        ->check(CLI::IsMember({"process", "kafka", "mock", "peer"}));
    app.add_option("--curve", options.curve, "Number of the model's curve")
        ->check(CLI::Range(0, 3));
    app.add_option("--port", options.peer.port, "Port of the other program, on 127.0.0.1");
    app.add_option("--path", options.peer.path, "Path of its call");
    app.add_option("--body", options.peer.body, "JSON body of its call");
    app.add_option("--mode", options.mode, "How batches wait for more jobs")
        ->check(CLI::IsMember({"adaptive", "greedy", "fixed"}));
    app.add_option("--runs", options.runs, "Runs of each figure; the median is reported");
    app.add_option("--clients", options.clients, "Clients of the closed loop");
    app.add_option("--claim-ahead", options.claim_ahead_ms, "worker.batch.claim_ahead, in ms");
    app.add_option("--seconds", options.seconds, "Length of a run");
    app.add_flag("!--no-lone", options.lone, "Leave the lone jobs out");
    CLI11_PARSE(app, argc, argv);
    try {
        millrace::bench::Bench(options).run();
    } catch (const std::exception& error) {
        fmt::print(stderr, "batching_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
