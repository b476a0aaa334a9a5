#include "common/runtime/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace millrace::runtime {
namespace {

using namespace std::chrono_literals;

// Longer than any test, so that an earlier run results from a poke or from the start.
constexpr auto kNever = 24h;

TEST(Periodic, RunsAgainAndAgain) {
    std::counting_semaphore<> ran(0);
    Periodic periodic({.name = "test", .interval = 1ms, .jitter = 0.5}, [&] { ran.release(); });
    for (int i = 0; i < 5; ++i) ran.acquire();
}

TEST(Periodic, RunsAtOnceWhenAskedTo) {
    std::counting_semaphore<> ran(0);
    Periodic periodic({.name = "test", .interval = kNever, .run_at_once = true},
                      [&] { ran.release(); });
    ran.acquire();
}

TEST(Periodic, PokeRunsItNow) {
    std::counting_semaphore<> ran(0);
    Periodic periodic({.name = "test", .interval = kNever}, [&] { ran.release(); });
    periodic.poke();
    ran.acquire();
    periodic.poke();
    ran.acquire();
}

TEST(Periodic, PokeDuringARunCausesExactlyOneMore) {
    std::counting_semaphore<> started(0);
    std::counting_semaphore<> go_on(0);
    int runs = 0;
    Periodic periodic({.name = "test", .interval = kNever}, [&] {
        ++runs;
        started.release();
        go_on.acquire();
    });
    periodic.poke();
    started.acquire();
    periodic.poke();
    periodic.poke();
    go_on.release();
    started.acquire();
    go_on.release();
    periodic.stop();
    EXPECT_EQ(runs, 2);
}

TEST(Periodic, RunsWhenItIsDueBeforeTheIntervalIsOver) {
    std::counting_semaphore<> ran(0);
    Periodic periodic(
        {.name = "test", .interval = kNever, .due = [] { return system_clock().now() + 1ms; }},
        [&] { ran.release(); });
    for (int i = 0; i < 3; ++i) ran.acquire();
}

TEST(Periodic, APokeMakesItAskAgainWhenItIsDue) {
    std::counting_semaphore<> ran(0);
    std::atomic<MonoTime> due = MonoTime::max();
    Periodic periodic({.name = "test", .interval = kNever, .due = [&] { return due.load(); }},
                      [&] { ran.release(); });
    periodic.poke();
    ran.acquire();
    due = MonoTime::min();
    periodic.poke();
    for (int i = 0; i < 3; ++i) ran.acquire();
}

TEST(Periodic, StopEndsALongWaitAndNothingRunsAfterIt) {
    int runs = 0;
    Periodic periodic({.name = "test", .interval = kNever}, [&] { ++runs; });
    periodic.stop();
    periodic.stop();
    periodic.poke();
    EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace millrace::runtime
