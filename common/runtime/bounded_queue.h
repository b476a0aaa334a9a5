// A first-in first-out queue between threads that never holds more than its capacity. The pusher
// decides what happens when it is full: wait (push) or reject the value (try_push).
//
// After close() nothing more goes in, what is inside can still be taken out, and nobody waits.
//
// Threads:   thread-safe; the destructor only after every other call has returned.
// Blocks:    push, pop and pop_all, up to their deadline; with kNoDeadline until close().
#pragma once

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace millrace::runtime {

inline constexpr MonoTime kNoDeadline = MonoTime::max();

template <class T>
class BoundedQueue {
 public:
    // Requires: capacity >= 1. Pass a named limit: it comes from a setting.
    explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) { CHECK(capacity >= 1); }

    BoundedQueue(const BoundedQueue&) = delete;
    BoundedQueue& operator=(const BoundedQueue&) = delete;

    // Moves `value` in. False if full or closed; `value` is then unchanged.
    bool try_push(T& value) { return push(std::move(value), MonoTime::min()); }

    // Waits for room. False if still full at the deadline, or closed; `value` is then unchanged.
    bool push(T&& value, MonoTime deadline) {
        MutexLock lock(mutex_);
        const auto may_go_on = [this]() REQUIRES(mutex_) {
            return closed_ || values_.size() < capacity_;
        };
        if (!has_room_.wait_until(lock, deadline, may_go_on) || closed_) return false;
        values_.push_back(std::move(value));
        lock.unlock();
        has_value_.notify_one();
        return true;
    }

    // The oldest value; nothing if there is none by the deadline, or if closed and empty.
    std::optional<T> pop(MonoTime deadline) {
        auto values = pop_all(1, deadline);
        if (values.empty()) return std::nullopt;
        return std::move(values.front());
    }

    // Waits for one value and takes all that are there by then, oldest first, at most `max`: the
    // batch is what arrived while the last one was being processed. Empty if there is none by the
    // deadline, or if closed and empty.
    std::vector<T> pop_all(std::size_t max, MonoTime deadline) {
        MutexLock lock(mutex_);
        has_value_.wait_until(lock, deadline,
                              [this]() REQUIRES(mutex_) { return closed_ || !values_.empty(); });
        const auto count = std::min(max, values_.size());
        const auto end = values_.begin() + static_cast<std::ptrdiff_t>(count);
        std::vector<T> taken(std::make_move_iterator(values_.begin()),
                             std::make_move_iterator(end));
        values_.erase(values_.begin(), end);
        const bool more = !values_.empty();
        lock.unlock();
        // Another reader's wake-up may have been for a value that this call took along with others.
        if (more) has_value_.notify_one();
        if (count == 1) has_room_.notify_one();
        if (count > 1) has_room_.notify_all();
        return taken;
    }

    // Idempotent.
    void close() {
        {
            const MutexLock lock(mutex_);
            closed_ = true;
        }
        has_value_.notify_all();
        has_room_.notify_all();
    }

    bool closed() const {
        const MutexLock lock(mutex_);
        return closed_;
    }
    std::size_t size() const {
        const MutexLock lock(mutex_);
        return values_.size();
    }
    std::size_t capacity() const { return capacity_; }

 private:
    const std::size_t capacity_;

    mutable Mutex mutex_;
    Condition has_value_;
    Condition has_room_;
    std::deque<T> values_ GUARDED_BY(mutex_);
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace millrace::runtime
