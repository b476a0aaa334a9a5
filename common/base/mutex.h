// Mutexes, locks and conditions whose use clang checks, in `make tidy`. A declaration says which
// mutex it needs:
//
//   int count_ GUARDED_BY(mutex_) = 0;            touched only while mutex_ is locked
//   void add(int n) REQUIRES(mutex_);             called only while mutex_ is locked
//   void drain() EXCLUDES(mutex_);                locks mutex_ itself, so never called under it
//   [this]() REQUIRES(mutex_) { return count_; }  a lambda is a function of its own to clang
//
// They cost what the classes of the standard library cost, which they consist of. Constructors and
// destructors are not checked: no other thread has the object then.
//
// Threads:   a mutex and a condition: any; a lock: the thread that created it.
// Blocks:    the locks, until the mutex is free; the waits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "common/base/clock.h"

#if defined(__clang__)
#define THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define THREAD_SAFETY(attribute)
#endif

#define GUARDED_BY(mutex) THREAD_SAFETY(guarded_by(mutex))
#define REQUIRES(mutex) THREAD_SAFETY(requires_capability(mutex))
#define REQUIRES_SHARED(mutex) THREAD_SAFETY(requires_shared_capability(mutex))
#define EXCLUDES(mutex) THREAD_SAFETY(locks_excluded(mutex))
// For what the analysis cannot follow: say why.
#define UNCHECKED_LOCKS THREAD_SAFETY(no_thread_safety_analysis)

namespace millrace {

class THREAD_SAFETY(capability("mutex")) Mutex {
 public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

 private:
    friend class MutexLock;
    std::mutex mutex_;
};

// Holds a mutex until its scope ends, apart from the time between unlock() and lock().
// std::condition_variable_any can wait with it, as is needed to wait for a std::stop_token too;
// Condition is cheaper.
class THREAD_SAFETY(scoped_lockable) MutexLock {
 public:
    explicit MutexLock(Mutex& mutex) THREAD_SAFETY(acquire_capability(mutex))
        : lock_(mutex.mutex_) {}
    ~MutexLock() THREAD_SAFETY(release_capability()) = default;
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    void lock() THREAD_SAFETY(acquire_capability()) { lock_.lock(); }
    void unlock() THREAD_SAFETY(release_capability()) { lock_.unlock(); }

 private:
    friend class Condition;
    std::unique_lock<std::mutex> lock_;
};

// Waits until other threads have made a predicate true. The predicate is called under the lock,
// which the analysis does not see: it does not know whose mutex a lock holds.
class Condition {
 public:
    template <class Predicate>
    void wait(MutexLock& lock, Predicate predicate) {
        condition_.wait(lock.lock_, std::move(predicate));
    }
    // Returns what the predicate returned last: false if the deadline came first. MonoTime::max()
    // stands for no deadline; with MonoTime::min() it does not wait at all.
    template <class Predicate>
    bool wait_until(MutexLock& lock, MonoTime deadline, Predicate predicate) UNCHECKED_LOCKS {
        if (deadline == MonoTime::min()) return predicate();
        if (deadline != MonoTime::max())
            return condition_.wait_until(lock.lock_, deadline, std::move(predicate));
        condition_.wait(lock.lock_, std::move(predicate));
        return true;
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

 private:
    std::condition_variable condition_;
};

// Any number of threads hold it to read, or one to write.
class THREAD_SAFETY(capability("shared mutex")) SharedMutex {
 public:
    SharedMutex() = default;
    SharedMutex(const SharedMutex&) = delete;
    SharedMutex& operator=(const SharedMutex&) = delete;

 private:
    friend class ReadLock;
    friend class WriteLock;
    std::shared_mutex mutex_;
};

class THREAD_SAFETY(scoped_lockable) ReadLock {
 public:
    explicit ReadLock(SharedMutex& mutex) THREAD_SAFETY(acquire_shared_capability(mutex))
        : lock_(mutex.mutex_) {}
    ~ReadLock() THREAD_SAFETY(release_capability()) = default;
    ReadLock(const ReadLock&) = delete;
    ReadLock& operator=(const ReadLock&) = delete;

 private:
    const std::shared_lock<std::shared_mutex> lock_;
};

class THREAD_SAFETY(scoped_lockable) WriteLock {
 public:
    explicit WriteLock(SharedMutex& mutex) THREAD_SAFETY(acquire_capability(mutex))
        : lock_(mutex.mutex_) {}
    ~WriteLock() THREAD_SAFETY(release_capability()) = default;
    WriteLock(const WriteLock&) = delete;
    WriteLock& operator=(const WriteLock&) = delete;

 private:
    const std::lock_guard<std::shared_mutex> lock_;
};

}  // namespace millrace
