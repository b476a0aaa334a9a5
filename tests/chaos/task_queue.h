// Timed tasks; the next free thread takes each when it is due.
//
// Threads:   thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <queue>
#include <tuple>
#include <vector>

namespace millrace::chaos {

class TaskQueue {
 public:
    using Clock = std::chrono::steady_clock;
    using Task = std::function<void()>;

    void post(Clock::time_point due, Task task) {
        {
            const std::lock_guard lock(mutex_);
            tasks_.push({due, ++posted_, std::move(task)});
        }
        changed_.notify_one();
    }

    // Waits for a task to be due; returns nothing once the queue is closed.
    std::optional<Task> take() {
        std::unique_lock lock(mutex_);
        while (!closed_) {
            if (tasks_.empty()) {
                changed_.wait(lock);
            } else if (const auto due = tasks_.top().due; due > Clock::now()) {
                changed_.wait_until(lock, due);
            } else {
                Task task = tasks_.top().task;
                tasks_.pop();
                return task;
            }
        }
        return std::nullopt;
    }

    // Drops the remaining tasks.
    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        changed_.notify_all();
    }

 private:
    struct Timed {
        Clock::time_point due;
        std::uint64_t order;  // The order of tasks that are due at once.
        Task task;

        bool operator<(const Timed& other) const {
            return std::tie(due, order) > std::tie(other.due, other.order);
        }
    };

    std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    std::priority_queue<Timed> tasks_;
    std::uint64_t posted_ = 0;
    bool closed_ = false;
};

}  // namespace millrace::chaos
