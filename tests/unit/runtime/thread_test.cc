#include "common/runtime/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <stdexcept>

namespace millrace::runtime {
namespace {

// Returns a body that sets `stopped` and ends when the thread is asked to stop.
Thread::Body wait_for_stop(std::promise<void>& stopped) {
    return [&stopped](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any changed;
        std::unique_lock lock(mutex);
        changed.wait(lock, stop, [] { return false; });
        stopped.set_value();
    };
}

TEST(Thread, CarriesTheFirstFifteenCharactersOfItsName) {
    std::string seen;
    Thread thread("completion-writer", [&](const std::stop_token&) {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        seen = name.data();
    });
    thread.join();
    EXPECT_EQ(seen, "completion-writ");
}

TEST(Thread, DestructorAsksTheBodyToStopAndWaits) {
    std::promise<void> stopped;
    { const Thread thread("test", wait_for_stop(stopped)); }
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST(Thread, AssignmentEndsThePreviousThread) {
    std::promise<void> stopped;
    Thread thread("test", wait_for_stop(stopped));
    thread = Thread();
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST(Thread, JoinAndStopAreHarmlessIfNothingRuns) {
    Thread thread;
    thread.request_stop();
    thread.join();
    thread.join();
}

TEST(ThreadDeathTest, AnExceptionIsLoggedAndEndsTheProcess) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto die = [] {
        Thread thread("poller", [](const std::stop_token&) { throw std::runtime_error("no way"); });
        thread.join();
    };
    EXPECT_DEATH(die(), "a thread ended with an exception thread=poller error=\"no way\"");
}

TEST(ThreadDeathTest, SaysThatTheSystemAllowsNoFurtherThread) {
    // Limits the address space to little more than is in use, too little for another stack; the
    // limit also binds root.
    const auto run_out = [] {
        rlim_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (1U << 20U);
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_AS, &limit);
        const Thread thread("test", [](const std::stop_token&) {});
    };
    EXPECT_EXIT(run_out(), testing::ExitedWithCode(EXIT_FAILURE), "cannot start a thread");
}

}  // namespace
}  // namespace millrace::runtime
