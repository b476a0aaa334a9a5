// What an idle fleet costs PostgreSQL: the transactions a second of heartbeats and of looking for
// jobs to steal, with the keepers' hints and without. Starts a stack of its own.
//
//   idle_fleet_bench [--workers 100] [--seconds 20] [--runs 3]

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <pqxx/pqxx>
#include <thread>
#include <vector>

#include "tests/e2e/stack.h"

namespace millrace::bench {
namespace {

struct Options {
    std::size_t workers = 100;
    int seconds = 20;
    int runs = 3;
};

// Counts the transactions of all clients but this one; only differences mean something.
std::int64_t transactions(pqxx::connection& database) {
    pqxx::nontransaction work(database);
    // Sessions report at most once a second, and when they end.
    return work
        .exec1(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database "
            "WHERE datname = current_database()")[0]
        .as<std::int64_t>();
}

double median_rate(const Options& options, const std::string& hint_interval) {
    test::Stack stack(
        {.broker = test::BrokerKind::kKafka,
         .settings = {{"keeper.hint_interval", hint_interval}},
         .quick = false,
         .postgres = embedded::PostgresOptions{.settings = {{"max_connections", "1000"}}}});
    for (std::size_t i = 1; i < options.workers; ++i) stack.start_worker();
    stack.wait_for_workers(options.workers);
    pqxx::connection database(stack.conninfo());
    std::vector<double> rates;
    // The first run only lets the fleet settle.
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
    std::this_thread::sleep_until(end);
    for (int i = 0; i < options.runs; ++i) {
        const auto before = transactions(database);
        std::this_thread::sleep_until(end += std::chrono::seconds(options.seconds));
        rates.push_back(static_cast<double>(transactions(database) - before) / options.seconds);
    }
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

void run(const Options& options) {
    fmt::print("| {} idle workers, one gateway | transactions/s |\n| --- | --- |\n",
               options.workers);
    fmt::print("| with hints every second (default) | {:.1f} |\n", median_rate(options, "1s"));
    std::fflush(stdout);
    fmt::print("| without | {:.1f} |\n", median_rate(options, "1m"));
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
    millrace::bench::Options options;
    CLI::App app("What an idle fleet asks of PostgreSQL");
    app.add_option("--workers", options.workers, "Workers of the fleet");
    app.add_option("--seconds", options.seconds, "Length of a run");
    app.add_option("--runs", options.runs, "Runs; the median is reported");
    CLI11_PARSE(app, argc, argv);
    try {
        millrace::bench::run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "idle_fleet_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
