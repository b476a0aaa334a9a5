// Helpers for the tests of backends: a sink that records, and jobs to give to a backend.
#pragma once

#include <gtest/gtest.h>
#include <atomic>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "worker/backends/backend.h"

namespace millrace::backends {

// Records everything by attempt. A wait fails the test after a time that only a bug takes.
class RecordingSink : public ExecutionSink {
 public:
    struct Record {
        std::string text;  // All partials in one.
        std::vector<std::string> partials;
        std::vector<std::pair<double, std::string>> progress;
        std::vector<Outcome> outcomes;  // One, unless there is a bug.
    };

    void partial(const AttemptKey& key, std::string_view text) override {
        const std::lock_guard lock(mutex_);
        auto& record = records_[key];
        record.text += text;
        record.partials.emplace_back(text);
        changed_.notify_all();
    }
    void progress(const AttemptKey& key, double fraction, std::string_view message) override {
        const std::lock_guard lock(mutex_);
        records_[key].progress.emplace_back(fraction, message);
    }
    void finished(const AttemptKey& key, Outcome outcome) override {
        {
            const std::lock_guard lock(mutex_);
            records_[key].outcomes.push_back(std::move(outcome));
            ended_.push_back(key);
        }
        changed_.notify_all();
        if (on_finished) on_finished(key);
    }

    void changed() override { ++changes_; }

    // Returns how often the backend has reported that its info() changed.
    int changes() const { return changes_; }
    // Waits for the end of the attempt.
    Outcome outcome(const AttemptKey& key) {
        wait([&] { return !records_[key].outcomes.empty(); });
        const std::lock_guard lock(mutex_);
        const auto& outcomes = records_[key].outcomes;
        return outcomes.size() == 1 ? outcomes.front() : Outcome{.error_code = "not_once"};
    }
    // Returns once the attempt has sent some text, or has ended without any.
    void wait_for_partial(const AttemptKey& key) {
        wait([&] { return !records_[key].partials.empty() || !records_[key].outcomes.empty(); });
    }
    Record record(const AttemptKey& key) {
        const std::lock_guard lock(mutex_);
        return records_[key];
    }
    // Returns the attempts in the order of their ends.
    std::vector<AttemptKey> ended() {
        const std::lock_guard lock(mutex_);
        return ended_;
    }
    void wait_for_finished(std::size_t count) {
        wait([&] {
            std::size_t finished = 0;
            for (const auto& [_, record] : records_) finished += record.outcomes.size();
            return finished >= count;
        });
    }

    std::function<void(const AttemptKey&)> on_finished;  // Set before the backend starts.

 private:
    void wait(const std::function<bool()>& predicate) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(50), predicate)) {
            ADD_FAILURE() << "the backend never reported what the test waits for";
        }
    }

    std::atomic<int> changes_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<AttemptKey, Record> records_;
    std::vector<AttemptKey> ended_;
};

struct JobOf {
    std::string model;
    std::string input;
    int attempt = 1;
    milliseconds deadline{3'600'000};
    Priority priority = Priority::kNormal;
};

inline Execution make_execution(const JobOf& job) {
    static UuidGenerator ids(system_random());
    Execution execution;
    execution.job.key = {JobId(ids.next(milliseconds(1))), 1};
    execution.job.attempt = job.attempt;
    execution.job.spec.model = job.model;
    execution.job.spec.input_json = job.input;
    execution.job.spec.priority = job.priority;
    execution.deadline = system_clock().now() + job.deadline;
    return execution;
}

// Starts the jobs as one batch.
inline std::vector<AttemptKey> run_batch(Backend& backend, const std::vector<JobOf>& jobs) {
    std::vector<AttemptKey> keys;
    std::vector<Execution> batch;
    for (const auto& job : jobs) {
        batch.push_back(make_execution(job));
        keys.push_back(batch.back().job.key);
    }
    backend.run(std::move(batch));
    return keys;
}

// Starts one job as a batch of its own.
inline AttemptKey run_one(Backend& backend, const JobOf& job) {
    return run_batch(backend, {job}).front();
}

}  // namespace millrace::backends
