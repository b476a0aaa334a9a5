// Every fault under load, once each: checks from the clients' side that the delivery guarantees
// hold. Compatible faults share a system.

#include <gtest/gtest.h>

#include "tests/chaos/run.h"

namespace millrace::chaos {
namespace {

void run_all(System& system, std::span<const Fault> faults) {
    const auto directory = process::TemporaryDirectory::make("millrace-chaos-").value();
    // CHAOS_HISTORY keeps the history, for inspection.
    const char* kept = std::getenv("CHAOS_HISTORY");
    const auto history =
        kept == nullptr ? directory.path() / "history.jsonl" : std::filesystem::path(kept);
    const auto result = run(
        system, faults, {.history = history, .on_fault = [](std::string_view fault, std::size_t) {
                             std::printf("fault: %s\n", std::string(fault).c_str());
                         }});
    std::printf("%s", format_table(result.table).c_str());
    EXPECT_TRUE(result.kept_all_promises()) << result.complaints() << system.stack().logs();
    EXPECT_GT(result.jobs, 0);
    for (const auto& row : result.table) EXPECT_GT(row.jobs, 0) << row.fault;
}

TEST(Chaos, Workers) {
    System system;
    run_all(system, worker_faults());
}

TEST(Chaos, Gateways) {
    System system;
    run_all(system, gateway_faults());
}

TEST(Chaos, PostgreSQL) {
    System system;
    run_all(system, postgres_faults());
}

TEST(Chaos, Kafka) {
    System system;
    run_all(system, kafka_faults());
}

TEST(Chaos, Network) {
    System system;
    run_all(system, network_faults());
}

TEST(Chaos, Clocks) {
    System system({.stepped_clock = true});
    const auto clocks = clock_faults();
    std::vector<Fault> faults(clocks.begin(), clocks.end());
    faults.push_back(stepped_clock_faults().front());
    run_all(system, faults);
}

TEST(Chaos, Disk) {
    const auto disk = SmallDisk::mount(400 << 20);
    if (!disk) GTEST_SKIP() << "only root can mount a disk that can be filled";
    System system({.postgres_disk = disk.get()});
    run_all(system, disk_faults());
}

}  // namespace
}  // namespace millrace::chaos
