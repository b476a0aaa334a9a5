#include "tests/chaos/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/chaos/audit.h"
#include "tests/chaos/load.h"
#include "tests/support/eventually.h"
#include "tests/support/seeded_random.h"

namespace millrace::chaos {
namespace {

constexpr std::chrono::minutes kEndPatience{3};

// Waits by the arrival of jobs, which come on time, instead of by the clock.
void await_jobs(System& system, const Load& load, int enough) {
    while (load.submitted() < enough) {
        const auto next = std::min(enough, load.submitted() + 1000);
        system.await("more jobs are submitted", [&] { return load.submitted() >= next; });
    }
}

}  // namespace

RunResult run(System& system, std::span<const Fault> faults, const RunOptions& options) {
    HistoryWriter history(options.history);
    test::SeededRandom random(options.seed);
    Scene scene(system, random);
    RunResult result;
    {
        Load load({.urls = system.urls(),
                   .seed = options.seed,
                   .jobs_per_second = options.jobs_per_second},
                  history);
        for (std::size_t i = 0; i < faults.size(); ++i) {
            const auto share = static_cast<double>(i + 1) / static_cast<double>(faults.size() + 1);
            await_jobs(system, load,
                       std::max(load.submitted() + options.jobs_between,
                                static_cast<int>(share * options.jobs)));
            if (options.on_fault) options.on_fault(faults[i].name, i);
            FaultSpan span{.name = std::string(faults[i].name)};
            span.span.from = history.now();
            faults[i].strike(scene);
            span.span.to = history.now();
            history.write(span);
        }
        await_jobs(system, load, std::max(load.submitted() + options.jobs_between, options.jobs));
        load.stop_submitting();
        // The checker finds the jobs that do not end.
        static_cast<void>(test::eventually([&] { return load.in_flight() == 0; },
                                           "every job has its end", kEndPatience));
        result.jobs = load.submitted();
    }
    write_list(system.stack(), history);
    history.flush();

    const auto written = read_history(options.history);
    result.findings = check(written);
    result.table = fault_table(written, result.findings);
    result.broken_promises = scene.broken_promises();
    return result;
}

std::string RunResult::complaints() const {
    constexpr std::size_t kMost = 100;
    std::string text;
    for (const auto& promise : broken_promises) text += "broken promise: " + promise + '\n';
    for (std::size_t i = 0; i < std::min(findings.size(), kMost); ++i) {
        text += findings[i].str() + '\n';
    }
    if (findings.size() > kMost) text += fmt::format("and {} more\n", findings.size() - kMost);
    return text;
}

}  // namespace millrace::chaos
