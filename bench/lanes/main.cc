// What lanes are worth: an overload, urgent jobs behind a full engine, cancels, and batches of a
// slow model, all over REST with the real programs. The engine of the first three pretends to be a
// llama-server. Prints a table.
//
//   lanes_bench [--figure overload|urgent|cancel|batches] [--broker kafka|mock] [--runs 5]
//               [--slots 32] [--tokens 16] [--token-ms 40] [--seconds 12] [--equal]
//               [--worker NAME VALUE]

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "bench/lanes/engine.h"
#include "bench/lanes/load.h"
#include "bench/load/caller.h"
#include "bench/load/quantile.h"
#include "common/base/random.h"
#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Json;

constexpr int kEndless = 1'000'000;  // Tokens.
constexpr double kHighPart = 0.2;    // The part of the engine that the high lane asks for.
constexpr double kOverload = 3;
constexpr seconds kWarmUp{15};
constexpr const char* kWait = "Prefer: wait=50\r\n";

struct Options {
    std::string figure;
    std::string broker = "kafka";
    int runs = 5;
    std::size_t slots = 32;
    int tokens = 16;
    int token_ms = 40;
    int seconds = 12;
    bool varied = true;
    test::Settings settings;
};

class Bench {
 public:
    explicit Bench(const Options& options)
        : options_(options),
          engine_(options.slots, milliseconds(options.token_ms)),
          stack_({.broker = options.broker == "kafka" ? test::BrokerKind::kKafka
                                                      : test::BrokerKind::kMock,
                  .workers = 0,
                  .quick = false,
                  .kafka_tuning = embedded::JvmTuning::kThroughput}),
          database_(stack_.conninfo()),
          port_(stack_.gateway_port(0)) {
        start_worker(true);
        // The broker's JVM must warm up; and until the worker has its partitions, it steals jobs.
        (void)closed_loop(port_, engine_jobs("normal", kWait), callers(), kWarmUp);
    }

    void run() {
        const auto wants = [&](std::string_view figure) {
            return options_.figure.empty() || options_.figure == figure;
        };
        if (wants("overload")) report_overload();
        if (wants("urgent")) report_urgent();
        if (wants("cancel")) report_cancel();
        if (wants("batches")) report_batches();
    }

 private:
    // --- Three times as much work as the engine can do ---

    void report_overload() {
        fmt::print(
            "| run | peak, jobs/s | overloaded, jobs/s | of the peak | engine's queue at most | "
            "high "
            "lane alone p50 p99, ms | with the flood p50 p99 | p99 to p99 |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        std::vector<double> shares;
        std::vector<double> ratios;
        for (int i = 1; i <= options_.runs; ++i) {
            const auto peak = peak_rate();
            const auto high_rate = kHighPart * peak;
            const auto alone = high_times(high_rate, seconds(options_.seconds));
            (void)engine_.take_queue_max();
            const OpenLoop flood(port_, engine_jobs("low"), kOverload * peak);
            let_pass(seconds(2));
            const auto before = engine_.completed();
            const auto begun = std::chrono::steady_clock::now();
            const auto flooded = high_times(high_rate, seconds(options_.seconds));
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
            const auto rate = static_cast<double>(engine_.completed() - before) / took.count();
            const auto ratio = quantile(flooded, 0.99) / quantile(alone, 0.99);
            shares.push_back(rate / peak);
            ratios.push_back(ratio);
            fmt::print(
                "| {} | {:.1f} | {:.1f} | {:.3f} | {} | {:.0f} {:.0f} | {:.0f} {:.0f} | {:.2f} |\n",
                i, peak, rate, rate / peak, engine_.take_queue_max(), quantile(alone, 0.5),
                quantile(alone, 0.99), quantile(flooded, 0.5), quantile(flooded, 0.99), ratio);
            std::fflush(stdout);
        }
        wait_until_done();
        fmt::print("| median | | | {:.3f} | | | | {:.2f} |\n\n", median(shares), median(ratios));
    }

    double peak_rate() {
        wait_until_done();
        return closed_loop(port_, engine_jobs("normal", kWait), callers(),
                           seconds(options_.seconds))
            .per_second;
    }

    // Returns the times from submission to end, by PostgreSQL's clock.
    std::vector<double> high_times(double per_second, seconds duration) {
        const auto mark = newest_job();
        {
            const auto request = engine_job("high", options_.tokens);
            const OpenLoop high(
                port_, [&] { return request; }, per_second);
            let_pass(duration);
        }
        const auto newer = " FROM jobs WHERE priority = 0 AND id > '" + mark + "'";
        wait_until_none("SELECT 1" + newer + " AND state < 6 LIMIT 1");
        return numbers("SELECT 1000 * extract(epoch FROM finished_at - created_at)" + newer);
    }

    // --- An urgent job while all slots are taken for a long time ---

    void report_urgent() {
        const auto ids = fill(options_.slots + 4);
        std::vector<double> waits;
        for (int i = 0; i < 4 * options_.runs; ++i) {
            const auto mark = newest_job();
            Caller caller(port_);
            caller.exchange(engine_job("high", 1, kWait));
            const auto wait = numbers(
                "SELECT 1000 * extract(epoch FROM started_at - created_at) FROM jobs WHERE id > '" +
                mark + "'");
            waits.push_back(wait.at(0));
            engine_.wait_for_busy(options_.slots);
        }
        cancel(ids);
        print_times("urgent job behind a full engine: submit to start", waits);
    }

    // --- A cancel while all slots are taken ---

    void report_cancel() {
        std::vector<double> freed;
        std::vector<double> taken_again;
        auto ids = fill(options_.slots);
        for (int i = 0; i < 4 * options_.runs; ++i) {
            const auto next = stack_.submit(Json::parse(engine_body("low", kEndless)));
            const auto begun = engine_.begun();
            const auto ended = engine_.ended();
            const auto sent = std::chrono::steady_clock::now();
            cancel_one(ids.front());
            engine_.wait_for_ended(ended + 1);
            freed.push_back(ms_since(sent));
            engine_.wait_for_begun(begun + 1);
            taken_again.push_back(ms_since(sent));
            ids.erase(ids.begin());
            ids.push_back(next);
            engine_.wait_for_busy(options_.slots);
        }
        cancel(ids);
        print_times("cancel: until the engine's slot is free", freed);
        print_times("cancel: until the next job has it", taken_again);
    }

    // --- A slow model that runs eight jobs in the time of one ---

    void report_batches() {
        constexpr int kCallers = 32;
        const Requests requests =
            [request = job_request("synthetic", "normal", R"({"prompt":"hello"})", kWait)] {
                return request;
            };
        fmt::print(
            "| 180 ms model, {} callers | jobs/s | mean response, ms |\n| --- | --- | --- |\n",
            kCallers);
        std::vector<Seen> medians;
        for (const int batch_max : {1, 8}) {
            start_worker(false, {{"backend.synthetic.base_ms", "180"},
                                 {"backend.synthetic.slots", "1"},
                                 {"backend.synthetic.batch_max", std::to_string(batch_max)}});
            (void)closed_loop(port_, requests, kCallers, seconds(5));
            std::vector<double> rates;
            std::vector<double> means;
            for (int i = 0; i < options_.runs; ++i) {
                const auto seen = closed_loop(port_, requests, kCallers, seconds(20));
                rates.push_back(seen.per_second);
                means.push_back(seen.mean_ms);
            }
            medians.push_back({.per_second = median(rates), .mean_ms = median(means)});
            fmt::print("| batches of {} | {:.1f} ({:.1f}) | {:.0f} ({:.0f}) |\n", batch_max,
                       median(rates), fmt::join(rates, " "), median(means), fmt::join(means, " "));
            std::fflush(stdout);
        }
        fmt::print("| ratio | {:.1f} | {:.2f} |\n\n", medians[1].per_second / medians[0].per_second,
                   medians[1].mean_ms / medians[0].mean_ms);
    }

    // --- Jobs ---

    std::string engine_body(const std::string& priority, int tokens) const {
        return fmt::format(R"({{"model":"engine","priority":"{}","input":{}}})", priority,
                           Engine::input(tokens));
    }
    std::string engine_job(const std::string& priority, int tokens,
                           const std::string& headers = {}) const {
        return post("/v1/jobs", engine_body(priority, tokens), headers);
    }

    // Each job has `tokens` tokens or, if `varied`, from half to one and a half times that number:
    // then the jobs do not all end at once, like those of real models.
    Requests engine_jobs(const std::string& priority, const std::string& headers = {}) const {
        return [this, priority, headers] {
            const auto mean = static_cast<std::uint64_t>(options_.tokens);
            const auto drawn = options_.varied ? mean / 2 + system_random().below(mean + 1) : mean;
            return engine_job(priority, static_cast<int>(drawn), headers);
        };
    }

    // Submits `count` low jobs that do not end; they take all slots.
    std::vector<std::string> fill(std::size_t count) {
        wait_until_done();
        std::vector<std::string> ids;
        for (std::size_t i = 0; i < count; ++i) {
            ids.push_back(stack_.submit(Json::parse(engine_body("low", kEndless))));
        }
        engine_.wait_for_busy(options_.slots);
        return ids;
    }
    void cancel(const std::vector<std::string>& ids) {
        for (const auto& id : ids) cancel_one(id);
        wait_until_done();
    }
    void cancel_one(const std::string& id) {
        Caller caller(port_);
        const int status = caller.exchange(post("/v1/jobs/" + id + "/cancel", "{}"));
        if (status / 100 != 2)
            throw std::runtime_error(fmt::format("a cancel answered {}", status));
    }

    // --- The programs ---

    // Starts a worker for the engine, or for the synthetic model.
    void start_worker(bool of_engine, test::Settings settings = {}) {
        settings.insert(options_.settings.begin(), options_.settings.end());
        if (of_engine) {
            settings["backend.synthetic.enabled"] = "false";
            settings["backend.openai.url"] = engine_.url();
        }
        if (has_worker_) stack_.worker(0).terminate(std::chrono::minutes(1));
        if (has_worker_) {
            stack_.restart_worker(0, {.settings = std::move(settings), .environment = {}});
        } else {
            stack_.start_worker({.settings = std::move(settings), .environment = {}});
        }
        has_worker_ = true;
        stack_.wait_for_workers(1);
    }
    int callers() const { return static_cast<int>(2 * options_.slots); }

    // --- The database ---

    std::vector<double> numbers(const std::string& query) {
        pqxx::work work(database_);
        std::vector<double> values;
        for (const auto& row : work.exec(query)) values.push_back(row[0].as<double>());
        return values;
    }
    std::string newest_job() {
        pqxx::work work(database_);
        const auto rows = work.exec("SELECT id FROM jobs ORDER BY id DESC LIMIT 1");
        return rows.empty() ? "00000000-0000-0000-0000-000000000000" : rows[0][0].c_str();
    }
    void wait_until_done() { wait_until_none("SELECT 1 FROM jobs WHERE state < 6 LIMIT 1"); }
    void wait_until_none(const std::string& query) {
        const auto none = [&] {
            pqxx::work work(database_);
            return work.exec(query).empty();
        };
        if (!test::eventually(none, "the jobs are final", std::chrono::minutes(5))) {
            throw std::runtime_error("not every job finished");
        }
    }

    static double ms_since(std::chrono::steady_clock::time_point begun) {
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - begun;
        return took.count();
    }
    static void print_times(const std::string& what, const std::vector<double>& times) {
        fmt::print("| {} (ms, {} of them) | median {:.0f} | max {:.0f} |\n", what, times.size(),
                   median(times), *std::ranges::max_element(times));
        std::fflush(stdout);
    }

    const Options options_;
    Engine engine_;
    test::Stack stack_;
    pqxx::connection database_;
    const int port_;
    bool has_worker_ = false;
};

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
    millrace::bench::Options options;
    CLI::App app("An overload, urgent jobs behind a full engine, cancels, batches of a slow model");
    app.add_option("--figure", options.figure, "The only figure to measure")
        ->check(CLI::IsMember({"overload", "urgent", "cancel", "batches"}));
    app.add_option("--broker", options.broker, "kafka or mock");
    app.add_option("--runs", options.runs, "Runs of each figure; the median is reported");
    app.add_option("--slots", options.slots, "Requests that the engine runs at the same time");
    app.add_option("--tokens", options.tokens, "Tokens of a job in an overload");
    app.add_option("--token-ms", options.token_ms, "Time of a token");
    app.add_option("--seconds", options.seconds, "Length of each part of an overload");
    app.add_flag("!--equal", options.varied, "Jobs of an overload all take the same time");
    app.add_option("--worker", options.settings,
                   "Additional settings of the worker, as NAME VALUE");
    CLI11_PARSE(app, argc, argv);
    try {
        millrace::bench::Bench(options).run();
    } catch (const std::exception& error) {
        fmt::print(stderr, "lanes_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
