// A first-in first-out queue between threads that never holds more than its capacity. The pusher
// decides what happens when it is full: wait (push) or reject the value (try_push).
//
// After close() nothing more goes in, what is inside can still be taken out, and nobody waits.
//
// Threads:   thread-safe; the destructor only after every other call has returned.
// Blocks:    push, pop and pop_all, up to their deadline; with kNoDeadline until close().
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"

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
        std::unique_lock lock(mutex_);
        const auto may_go_on = [this] { return closed_ || values_.size() < capacity_; };
        if (!wait(has_room_, lock, deadline, may_go_on) || closed_) return false;
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
        std::unique_lock lock(mutex_);
        wait(has_value_, lock, deadline, [this] { return closed_ || !values_.empty(); });
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
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        has_value_.notify_all();
        has_room_.notify_all();
    }

    bool closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return values_.size();
    }
    std::size_t capacity() const { return capacity_; }

 private:
    template <class Predicate>
    static bool wait(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                     MonoTime deadline, Predicate predicate) {
        if (predicate()) return true;
        if (deadline == MonoTime::min()) return false;
        if (deadline != kNoDeadline) return condition.wait_until(lock, deadline, predicate);
        condition.wait(lock, predicate);
        return true;
    }

    const std::size_t capacity_;

    mutable std::mutex mutex_;
    std::condition_variable has_value_;
    std::condition_variable has_room_;
    // Guarded by mutex_.
    std::deque<T> values_;
    bool closed_ = false;
};

}  // namespace millrace::runtime
