#include "tests/support/memory_broker.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace millrace::test {

struct MemoryBroker::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex:
    std::map<std::string, std::vector<std::string>> topics;
    // By group and topic: the next message for the group.
    std::map<std::pair<std::string, std::string>, std::size_t> next;
    int wipes = 0;
    bool away = false;
};

class MemoryBroker::MemoryPublisher : public broker::Publisher {
 public:
    explicit MemoryPublisher(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::size_t publish(const std::vector<broker::OutgoingMessage>& messages) override {
        {
            const std::lock_guard lock(state_->mutex);
            for (const auto& message : messages) {
                const auto topic = state_->topics.find(message.topic);
                if (state_->away || topic == state_->topics.end()) continue;
                topic->second.push_back(message.value);
            }
        }
        state_->changed.notify_all();
        return messages.size();
    }
    void flush(milliseconds) override {}

 private:
    const std::shared_ptr<State> state_;
};

// With a group: takes turns with its other members. Without: starts at the end.
class MemoryBroker::MemorySubscriber : public broker::Subscriber {
 public:
    MemorySubscriber(std::shared_ptr<State> state, std::optional<std::string> group,
                     const std::vector<std::string>& topics)
        : state_(std::move(state)), group_(std::move(group)), topics_(topics) {
        const std::lock_guard lock(state_->mutex);
        wipes_ = state_->wipes;
        for (const auto& topic : topics_) {
            const auto log = state_->topics.find(topic);
            own_next_[topic] = log == state_->topics.end() ? 0 : log->second.size();
        }
    }

    std::vector<broker::IncomingMessage> poll(std::size_t max, milliseconds timeout) override {
        std::vector<broker::IncomingMessage> messages;
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, timeout, [&] {
            messages = take(max);
            return closed_ || !messages.empty();
        });
        return messages;
    }

    void done(const std::string&, std::int32_t, std::int64_t) override {}

    void pause(const std::string& topic) override {
        const std::lock_guard lock(state_->mutex);
        paused_.insert(topic);
    }
    void resume(const std::string& topic) override {
        {
            const std::lock_guard lock(state_->mutex);
            paused_.erase(topic);
        }
        state_->changed.notify_all();
    }
    void close() override {
        {
            const std::lock_guard lock(state_->mutex);
            closed_ = true;
        }
        state_->changed.notify_all();
    }

 private:
    std::vector<broker::IncomingMessage> take(std::size_t max) {
        std::vector<broker::IncomingMessage> messages;
        if (state_->away || closed_) return messages;
        if (std::exchange(wipes_, state_->wipes) != state_->wipes) own_next_.clear();
        for (const auto& topic : topics_) {
            const auto found = state_->topics.find(topic);
            if (found == state_->topics.end() || paused_.contains(topic)) continue;
            const auto& log = found->second;
            auto& next = group_ ? state_->next[{*group_, topic}] : own_next_[topic];
            for (; next < log.size() && messages.size() < max; ++next) {
                messages.push_back({topic, 0, static_cast<std::int64_t>(next), log[next]});
            }
        }
        return messages;
    }

    const std::shared_ptr<State> state_;
    const std::optional<std::string> group_;
    const std::vector<std::string> topics_;
    // Guarded by state_->mutex:
    std::map<std::string, std::size_t> own_next_;
    std::set<std::string> paused_;
    int wipes_ = 0;
    bool closed_ = false;
};

MemoryBroker::MemoryBroker() : state_(std::make_shared<State>()) {}

MemoryBroker::~MemoryBroker() = default;

void MemoryBroker::set_away(bool away) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->away = away;
    }
    state_->changed.notify_all();
}

void MemoryBroker::wipe() {
    const std::lock_guard lock(state_->mutex);
    state_->topics.clear();
    state_->next.clear();
    ++state_->wipes;
}

std::vector<std::string> MemoryBroker::values(const std::string& topic) const {
    const std::lock_guard lock(state_->mutex);
    const auto log = state_->topics.find(topic);
    return log == state_->topics.end() ? std::vector<std::string>{} : log->second;
}

bool MemoryBroker::has_topic(const std::string& topic) const {
    const std::lock_guard lock(state_->mutex);
    return state_->topics.contains(topic);
}

Status MemoryBroker::ensure_topics(const std::vector<broker::TopicSpec>& topics, milliseconds) {
    const std::lock_guard lock(state_->mutex);
    if (state_->away) return Error{ErrorCode::kUnavailable, "The broker is away."};
    for (const auto& topic : topics) state_->topics[topic.name];
    return ok();
}

std::unique_ptr<broker::Publisher> MemoryBroker::make_publisher() {
    return std::make_unique<MemoryPublisher>(state_);
}

std::unique_ptr<broker::Subscriber> MemoryBroker::subscribe(
    const std::string& group, const std::vector<std::string>& topics) {
    return std::make_unique<MemorySubscriber>(state_, group, topics);
}

std::unique_ptr<broker::Subscriber> MemoryBroker::tail(const std::vector<std::string>& topics) {
    return std::make_unique<MemorySubscriber>(state_, std::nullopt, topics);
}

}  // namespace millrace::test
