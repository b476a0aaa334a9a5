#include "common/base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>

namespace millrace {
namespace {

// A place for one value, and the number of values that passed through it.
class Slot {
 public:
    void put(int value) {
        {
            const MutexLock lock(mutex_);
            value_ = value;
        }
        filled_.notify_one();
    }
    int take() {
        MutexLock lock(mutex_);
        filled_.wait(lock, [this]() REQUIRES(mutex_) { return value_.has_value(); });
        return taken();
    }
    std::optional<int> take_until(MonoTime deadline) {
        MutexLock lock(mutex_);
        const auto is_filled = [this]() REQUIRES(mutex_) { return value_.has_value(); };
        if (!filled_.wait_until(lock, deadline, is_filled)) return std::nullopt;
        return taken();
    }

 private:
    int taken() REQUIRES(mutex_) {
        const int value = *value_;
        value_.reset();
        return value;
    }

    Mutex mutex_;
    Condition filled_;
    std::optional<int> value_ GUARDED_BY(mutex_);
};

TEST(Mutex, AConditionWakesTheThreadThatWaitsForIt) {
    Slot slot;
    int taken = 0;
    std::thread taker([&] { taken = slot.take(); });
    slot.put(7);
    taker.join();
    EXPECT_EQ(taken, 7);
}

TEST(Mutex, AConditionThatIsTrueAlreadyIsReportedAfterTheDeadline) {
    Slot slot;
    EXPECT_EQ(slot.take_until(MonoTime::min()), std::nullopt);
    slot.put(7);
    EXPECT_EQ(slot.take_until(MonoTime::min()), 7);
}

TEST(Mutex, AWaitWithoutADeadlineEndsWhenTheConditionIsTrue) {
    Slot slot;
    std::optional<int> taken;
    std::thread taker([&] { taken = slot.take_until(MonoTime::max()); });
    slot.put(7);
    taker.join();
    EXPECT_EQ(taken, 7);
}

TEST(Mutex, ALockThatIsUnlockedLetsAnotherThreadIn) {
    struct {
        Mutex mutex;
        int count GUARDED_BY(mutex) = 0;
    } shared;
    MutexLock lock(shared.mutex);
    ++shared.count;
    lock.unlock();
    std::thread([&] {
        const MutexLock other(shared.mutex);
        ++shared.count;
    }).join();
    lock.lock();
    EXPECT_EQ(shared.count, 2);
}

TEST(SharedMutex, LetsSeveralThreadsReadAtATime) {
    struct {
        SharedMutex mutex;
        int count GUARDED_BY(mutex) = 0;
    } shared;
    {
        const WriteLock lock(shared.mutex);
        ++shared.count;
    }
    const ReadLock lock(shared.mutex);
    int read = 0;
    std::thread([&] {
        const ReadLock other(shared.mutex);
        read = shared.count;
    }).join();
    EXPECT_EQ(read, shared.count);
}

}  // namespace
}  // namespace millrace
