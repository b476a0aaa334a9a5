// A backend, a publisher and a subscriber that a test controls by hand.
//
// Threads: one caller at a time.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/broker/broker.h"
#include "common/wire/messages.h"
#include "worker/backends/backend.h"

namespace millrace::test {

// The key of a made-up attempt.
inline AttemptKey attempt_key(std::uint8_t job, Epoch epoch = 1) {
    return {JobId(Uuid{{job}}), epoch};
}

class FakeBackend : public backends::Backend {
 public:
    explicit FakeBackend(backends::BackendInfo info) : info_(std::move(info)) {}

    Status start(backends::ExecutionSink& sink) override {
        sink_ = &sink;
        return ok();
    }
    void stop() override {}
    backends::BackendInfo info() const override {
        called();
        return info_;
    }
    std::string batch_key(const JobSpec& spec) const override {
        called();
        return spec.metadata_json;
    }
    std::size_t batch_weight(const JobSpec& spec) const override {
        called();
        return spec.input_json.size();
    }
    void run(std::vector<backends::Execution> batch) override {
        called();
        std::vector<AttemptKey> keys;
        for (auto& execution : batch) {
            keys.push_back(execution.job.key);
            running_.emplace(execution.job.key, std::move(execution));
        }
        batches_.push_back(std::move(keys));
        if (on_run) on_run(batches_.back());
    }
    // Aborted attempts end at once, unless `is_stubborn`.
    void abort(const AttemptKey& key, backends::AbortReason reason) override {
        called();
        if (!running_.contains(key)) return;
        aborts_.emplace_back(key, reason);
        if (!is_stubborn) finish(key, backends::aborted_outcome(reason));
    }

    void finish(AttemptKey key, Outcome outcome) {
        running_.erase(key);
        sink_->finished(key, std::move(outcome));
    }
    void complete(AttemptKey key, std::string output = "\"done\"") {
        finish(key, {.kind = OutcomeKind::kCompleted, .output_json = std::move(output)});
    }
    void complete_all() {
        while (!running_.empty()) complete(running_.begin()->first);
    }
    backends::ExecutionSink& sink() { return *sink_; }

    const std::map<AttemptKey, backends::Execution>& running() const { return running_; }
    const std::vector<std::vector<AttemptKey>>& batches() const { return batches_; }
    const auto& aborts() const { return aborts_; }
    // Returns the running attempt of this job; there must be one.
    AttemptKey key_of(const JobId& job) const {
        for (const auto& [key, execution] : running_) {
            if (key.job == job) return key;
        }
        return {};
    }
    bool runs(const JobId& job) const { return key_of(job).job == job; }

    std::function<void(const std::vector<AttemptKey>&)> on_run;
    std::function<void()> on_call;  // Any call, except start() and stop().
    bool is_stubborn = false;

 private:
    void called() const {
        if (on_call) on_call();
    }

    const backends::BackendInfo info_;
    backends::ExecutionSink* sink_ = nullptr;
    std::map<AttemptKey, backends::Execution> running_;
    std::vector<std::vector<AttemptKey>> batches_;
    std::vector<std::pair<AttemptKey, backends::AbortReason>> aborts_;
};

class FakePublisher : public broker::Publisher {
 public:
    std::size_t publish(const std::vector<broker::OutgoingMessage>& messages) override {
        messages_.insert(messages_.end(), messages.begin(), messages.end());
        return messages.size();
    }
    void flush(milliseconds) override {}

    std::vector<wire::Event> events(const broker::Topics& topics) const {
        std::vector<wire::Event> events;
        for (const auto& message : messages_) {
            if (message.topic != topics.events()) continue;
            for (auto& event : *wire::decode_events(message.value)) events.push_back(event);
        }
        return events;
    }
    const std::vector<broker::OutgoingMessage>& messages() const { return messages_; }

 private:
    std::vector<broker::OutgoingMessage> messages_;
};

// Delivers partition 0 of every topic.
class FakeSubscriber : public broker::Subscriber {
 public:
    std::vector<broker::IncomingMessage> poll(std::size_t max, milliseconds) override {
        std::vector<broker::IncomingMessage> messages;
        for (auto& [topic, queue] : queues_) {
            if (paused_.contains(topic)) continue;
            while (!queue.empty() && messages.size() < max) {
                messages.push_back(std::move(queue.front()));
                queue.pop_front();
            }
        }
        return messages;
    }
    void done(const std::string& topic, std::int32_t, std::int64_t offset) override {
        done_[topic] = offset;
    }
    void pause(const std::string& topic) override { paused_.insert(topic); }
    void resume(const std::string& topic) override { paused_.erase(topic); }
    void close() override {}

    void add(const std::string& topic, std::string value) {
        queues_[topic].push_back(
            {.topic = topic, .offset = next_offset_[topic]++, .value = std::move(value)});
    }
    std::int64_t done_up_to(const std::string& topic) const {
        const auto found = done_.find(topic);
        return found == done_.end() ? -1 : found->second;
    }
    bool is_paused(const std::string& topic) const { return paused_.contains(topic); }

 private:
    std::map<std::string, std::deque<broker::IncomingMessage>> queues_;
    std::map<std::string, std::int64_t> next_offset_;
    std::map<std::string, std::int64_t> done_;
    std::set<std::string> paused_;
};

}  // namespace millrace::test
