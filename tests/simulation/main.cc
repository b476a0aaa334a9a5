// millrace-simulate: lives of simulated worlds, by their seeds.
//
//   millrace-simulate --seeds 1..10000        all of them; prints each that violates an invariant
//   millrace-simulate --seeds 4711 --trace    one, line by line
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "common/base/log.h"
#include "common/runtime/thread.h"
#include "tests/simulation/simulation.h"

namespace millrace::simulation {
namespace {

struct Range {
    std::uint64_t first = 1;
    std::uint64_t last = 1;
};

std::optional<Range> parse_range(const std::string& text) {
    try {
        const auto dots = text.find("..");
        const auto first = std::stoull(text.substr(0, dots));
        const auto last = dots == std::string::npos ? first : std::stoull(text.substr(dots + 2));
        return first <= last ? std::optional(Range{first, last}) : std::nullopt;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::optional<test::Mutation> parse_mutation(const std::string& text) {
    for (const auto& [mutation, name] : test::kMutations) {
        if (name == text) return mutation;
    }
    return std::nullopt;
}

void print(const std::string& line) {
    std::fprintf(stdout, "%s\n", line.c_str());
    std::fflush(stdout);
}

// Returns the violation; empty: there was none.
std::string verdict_of(std::uint64_t seed, const Options& options) {
    try {
        return simulate(seed, options).verdict;
    } catch (const std::exception& error) {
        return fmt::format("the simulation itself failed: {}", error.what());
    }
}

// Returns how many worlds violated something; stops at `failures_max`.
int run(Range range, int jobs, int failures_max, const Options& options,
        const std::string& replay_options) {
    std::atomic<std::uint64_t> next = range.first;
    std::atomic<int> failures = 0;
    std::mutex mutex;
    std::vector<runtime::Thread> threads;
    for (int i = 0; i < jobs; ++i) {
        threads.emplace_back("simulate", [&](const std::stop_token&) {
            for (auto seed = next++; seed <= range.last && failures < failures_max; seed = next++) {
                const auto verdict = verdict_of(seed, options);
                if (verdict.empty()) continue;
                ++failures;
                const std::lock_guard lock(mutex);
                print(fmt::format("seed {}: {}\n  again: millrace-simulate --seeds {}{} --trace",
                                  seed, verdict, seed, replay_options));
            }
        });
    }
    threads.clear();
    return failures;
}

int run(int argc, char** argv) {
    CLI::App app("Simulates worlds of gateways and workers in which everything goes wrong.");
    std::string seeds = "1..1000";
    std::string mutation;
    bool trace = false;
    int jobs = 1;
    int failures_max = 10;
    app.add_option("--seeds", seeds, "One, or a range: 1..10000")->capture_default_str();
    app.add_flag("--trace", trace, "Tell what happens");
    app.add_option("--jobs", jobs, "Worlds at a time")->capture_default_str();
    app.add_option("--failures-max", failures_max, "Stop after this many failing seeds")
        ->capture_default_str();
    app.add_option("--mutation", mutation, "Leave out this guard");
    CLI11_PARSE(app, argc, argv);

    const auto range = parse_range(seeds);
    Options options;
    if (!mutation.empty()) options.mutation = parse_mutation(mutation);
    if (!range || jobs < 1 || (!mutation.empty() && !options.mutation)) {
        std::fprintf(stderr, "not a range of seeds, a number of jobs or a mutation\n");
        return EXIT_FAILURE;
    }
    if (trace) options.trace = print;
    init_logging({.level = LogLevel::kError, .program = "millrace-simulate"});
    const auto replay = mutation.empty() ? std::string() : " --mutation " + mutation;
    const auto failures = run(*range, trace ? 1 : jobs, failures_max, options, replay);
    const auto count = range->last - range->first + 1;
    if (failures == 0) print(fmt::format("{} seeds: every invariant held", count));
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace millrace::simulation

int main(int argc, char** argv) {
    return millrace::simulation::run(argc, argv);
}
