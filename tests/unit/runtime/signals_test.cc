#include "common/runtime/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <semaphore>

namespace millrace::runtime {
namespace {

using namespace std::chrono_literals;

TEST(Signals, WaitReturnsForEachSignal) {
    Signals signals;
    kill(getpid(), SIGTERM);
    EXPECT_EQ(signals.wait(), Signal::kStop);
    kill(getpid(), SIGINT);
    EXPECT_EQ(signals.wait(), Signal::kStop);
}

TEST(Signals, SayWhetherToReload) {
    Signals signals(Signals::Reload::kYes);
    kill(getpid(), SIGHUP);
    EXPECT_EQ(signals.wait(), Signal::kReload);
    kill(getpid(), SIGTERM);
    EXPECT_EQ(signals.wait(), Signal::kStop);
}

TEST(Signals, WaitEndsAtItsDeadline) {
    Signals signals;
    EXPECT_FALSE(signals.wait(system_clock().now() + 1ms));
    EXPECT_FALSE(signals.wait(MonoTime::min()));
}

TEST(Signals, TheNextSignalRunsTheCallback) {
    Signals signals;
    kill(getpid(), SIGTERM);
    ASSERT_TRUE(signals.wait());
    std::binary_semaphore told(0);
    signals.on_next([&] { told.release(); });
    kill(getpid(), SIGTERM);
    told.acquire();
}

TEST(Signals, AReloadIsNotTheNextSignalToStop) {
    Signals signals(Signals::Reload::kYes);
    std::atomic<bool> stopping = false;
    std::binary_semaphore told(0);
    kill(getpid(), SIGHUP);
    signals.on_next([&] {
        EXPECT_TRUE(stopping);
        told.release();
    });
    stopping = true;
    kill(getpid(), SIGTERM);
    told.acquire();
}

TEST(Signals, GoesAwayWithoutASignal) {
    Signals signals;
    bool called = false;
    signals.on_next([&] { called = true; });
    EXPECT_FALSE(called);
}

TEST(Signals, ABrokenPipeIsAnErrorNotADeath) {
    const Signals signals;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    EXPECT_EQ(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

}  // namespace
}  // namespace millrace::runtime
