// millrace-soak: runs many jobs and many faults in a random order, then prints the judgement as a
// table.
//
// Exits with 0 if every promise was kept, 1 if not, 2 for a wrong command line.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "tests/chaos/run.h"
#include "tests/support/seeded_random.h"

namespace millrace::chaos {
namespace {

constexpr std::size_t kDiskBytes = std::size_t{2} << 30;

struct SoakOptions {
    std::uint64_t seed = 1;
    int jobs = 200'000;
    int faults = 200;
    double hours = 0;
    double jobs_per_second = 150;
    std::string history;
    std::string check;
};

// Whole rounds of all faults, each in another order.
std::vector<Fault> schedule(std::vector<Fault> all, int count, std::uint64_t seed) {
    test::SeededRandom random(seed);
    std::vector<Fault> faults;
    while (faults.size() < static_cast<std::size_t>(count)) {
        for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.below(i)]);
        faults.insert(faults.end(), all.begin(), all.end());
    }
    faults.resize(static_cast<std::size_t>(count));
    return faults;
}

bool judge(const RunResult& result) {
    std::printf("%s", format_table(result.table).c_str());
    std::printf("%s", result.complaints().c_str());
    std::printf("%d jobs: %s\n", result.jobs,
                result.kept_all_promises() ? "every promise was kept" : "PROMISES WERE BROKEN");
    return result.kept_all_promises();
}

// Runs one system, from its start to its end.
bool soak_once(const SoakOptions& options, std::uint64_t seed) {
    const auto directory = process::TemporaryDirectory::make("millrace-soak-").value();
    const auto disk = SmallDisk::mount(kDiskBytes);
    if (!disk) std::printf("without a full disk: that takes root\n");
    System system({.stepped_clock = true, .postgres_disk = disk.get()});
    const auto faults = schedule(faults_for(system), options.faults, seed);
    std::filesystem::path history = options.history;
    if (history.empty()) history = directory.path() / "history.jsonl";
    const auto begin = std::chrono::steady_clock::now();
    const auto report = [&](std::string_view fault, std::size_t number) {
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        std::printf("%7.1f s  fault %zu of %zu: %s\n", time.count(), number + 1, faults.size(),
                    std::string(fault).c_str());
        std::fflush(stdout);
    };
    std::printf("seed %llu: %d jobs, %zu faults\n", static_cast<unsigned long long>(seed),
                options.jobs, faults.size());
    return judge(run(system, faults,
                     {.seed = seed,
                      .jobs_per_second = options.jobs_per_second,
                      .history = history,
                      .jobs = options.jobs,
                      .on_fault = report}));
}

bool soak(const SoakOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    auto seed = options.seed;
    bool kept = true;
    do {
        kept = soak_once(options, seed++) && kept;
    } while (std::chrono::steady_clock::now() - begin <
             std::chrono::duration<double, std::ratio<3600>>(options.hours));
    return kept;
}

int main_of(int argc, char** argv) {
    SoakOptions options;
    CLI::App app("Millrace under load while everything breaks, again and again.", "millrace-soak");
    app.add_option("--seed", options.seed, "decides the jobs and the order of the faults");
    app.add_option("--jobs", options.jobs, "jobs of a round, at least")->check(CLI::PositiveNumber);
    app.add_option("--faults", options.faults, "faults of a round")->check(CLI::NonNegativeNumber);
    app.add_option("--hours", options.hours, "rounds, each with the next seed, until this is over");
    app.add_option("--rate", options.jobs_per_second, "jobs per second")
        ->check(CLI::PositiveNumber);
    app.add_option("--history", options.history, "keep the history of the last round in this file");
    app.add_option("--check", options.check, "judge such a file, and do nothing else");
    CLI11_PARSE(app, argc, argv);
    if (!options.check.empty()) {
        const auto history = read_history(options.check);
        const auto findings = check(history);
        return judge({.jobs = static_cast<int>(history.planned.size()),
                      .findings = findings,
                      .table = fault_table(history, findings)})
                   ? 0
                   : 1;
    }
    return soak(options) ? 0 : 1;
}

}  // namespace
}  // namespace millrace::chaos

int main(int argc, char** argv) {
    try {
        return millrace::chaos::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "millrace-soak: %s\n", error.what());
        return 1;
    }
}
