// The faults that a process's connection reports.
#include "tests/simulation/connection.h"

#include <gtest/gtest.h>

namespace millrace::simulation {
namespace {

// A checker that looks during the call must not take the process for idle.
TEST(Connection, ASlowCallIsAFaultFromItsBeginningOn) {
    World world(1, {});
    DatabaseClock clock(world);
    test::MemoryDatabase memory(clock);
    History history(world, memory);
    Database database(memory, history);
    Process process(world, "worker");
    const Weather::Store weather{.slow = 1};
    int faults = 0;
    Connection connection(database, process, weather, [&] { ++faults; });

    int meanwhile = 0;
    world.after(microseconds(10), [&] { meanwhile = faults; });
    EXPECT_TRUE(connection.store_probe().has_value());
    EXPECT_GT(meanwhile, 0);
    EXPECT_GT(faults, meanwhile);
}

}  // namespace
}  // namespace millrace::simulation
