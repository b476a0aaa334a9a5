#include "tests/support/memory_broker.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace millrace::test {
namespace {

// A topic's name and the partition's number.
using Partition = std::pair<std::string, int>;

constexpr auto kNotOurs = std::numeric_limits<std::size_t>::max();

// All partitions in one log, in the order of publication: an offset is an index into it.
struct Topic {
    struct Entry {
        int partition = 0;
        std::string value;
    };

    void append(const broker::OutgoingMessage& message) {
        const auto count = static_cast<std::size_t>(partitions);
        const auto slot = message.key.empty() ? log.size() : std::hash<std::string>{}(message.key);
        log.push_back({static_cast<int>(slot % count), message.value});
    }

    int partitions = 1;
    std::vector<Entry> log;
};

struct Group {
    // Member p modulo their number reads partition p.
    std::vector<const broker::Subscriber*> members;
    std::map<Partition, std::size_t> committed;  // Where a new owner begins.
};

}  // namespace

struct MemoryBroker::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex:
    std::map<std::string, Topic> topics;
    std::map<std::string, Group> groups;
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
                topic->second.append(message);
            }
        }
        state_->changed.notify_all();
        return messages.size();
    }
    void flush(milliseconds) override {}

 private:
    const std::shared_ptr<State> state_;
};

// With a group, reads its share of the partitions; without, all of them, from the end.
class MemoryBroker::MemorySubscriber : public broker::Subscriber {
 public:
    MemorySubscriber(std::shared_ptr<State> state, std::optional<std::string> group,
                     const std::vector<std::string>& topics)
        : state_(std::move(state)), group_(std::move(group)), topics_(topics) {
        const std::lock_guard lock(state_->mutex);
        wipes_ = state_->wipes;
        if (group_) state_->groups[*group_].members.push_back(this);
        for (const auto& topic : topics_) {
            const auto found = state_->topics.find(topic);
            if (!group_ && found != state_->topics.end()) ends_[topic] = found->second.log.size();
        }
    }
    ~MemorySubscriber() override { close(); }
    MemorySubscriber(const MemorySubscriber&) = delete;
    MemorySubscriber& operator=(const MemorySubscriber&) = delete;

    std::vector<broker::IncomingMessage> poll(std::size_t max, milliseconds timeout) override {
        std::vector<broker::IncomingMessage> messages;
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, timeout, [&] {
            messages = take(max);
            return closed_ || !messages.empty();
        });
        return messages;
    }

    void done(const std::string& topic, std::int32_t partition, std::int64_t offset) override {
        const std::lock_guard lock(state_->mutex);
        const auto next = next_.find({topic, partition});
        if (!group_ || closed_ || next == next_.end() || !owns(partition)) return;
        auto& committed = state_->groups[*group_].committed[next->first];
        committed =
            std::max(committed, std::min(next->second, static_cast<std::size_t>(offset) + 1));
    }

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
            if (group_) std::erase(state_->groups[*group_].members, this);
        }
        state_->changed.notify_all();
    }

 private:
    std::vector<broker::IncomingMessage> take(std::size_t max) {
        std::vector<broker::IncomingMessage> messages;
        if (state_->away || closed_) return messages;
        if (std::exchange(wipes_, state_->wipes) != state_->wipes) start_anew();
        for (const auto& name : topics_) {
            const auto topic = state_->topics.find(name);
            if (topic != state_->topics.end()) take_from(name, topic->second, messages, max);
        }
        return messages;
    }

    void take_from(const std::string& name, const Topic& topic,
                   std::vector<broker::IncomingMessage>& messages, std::size_t max) {
        auto next = assigned(name, topic);
        if (paused_.contains(name)) return;
        for (auto i = std::ranges::min(next); i < topic.log.size() && messages.size() < max; ++i) {
            const auto& [partition, value] = topic.log[i];
            auto& wanted = next[static_cast<std::size_t>(partition)];
            if (wanted == kNotOurs || i < wanted) continue;
            messages.push_back({name, partition, static_cast<std::int64_t>(i), value});
            wanted = next_[{name, partition}] = i + 1;
        }
    }

    // The next offset of each partition; begins to track those that are newly assigned.
    std::vector<std::size_t> assigned(const std::string& name, const Topic& topic) {
        std::vector<std::size_t> next;
        for (int partition = 0; partition < topic.partitions; ++partition) {
            const Partition key(name, partition);
            if (!owns(partition)) {
                next_.erase(key);
                next.push_back(kNotOurs);
            } else {
                next.push_back(next_.try_emplace(key, first_of(key)).first->second);
            }
        }
        return next;
    }

    bool owns(int partition) const {
        if (!group_) return true;
        const auto& members = state_->groups.at(*group_).members;
        return members.at(static_cast<std::size_t>(partition) % members.size()) == this;
    }

    std::size_t first_of(const Partition& partition) {
        return group_ ? state_->groups[*group_].committed[partition] : ends_[partition.first];
    }

    void start_anew() {
        next_.clear();
        ends_.clear();
    }

    const std::shared_ptr<State> state_;
    const std::optional<std::string> group_;
    const std::vector<std::string> topics_;
    // Guarded by state_->mutex:
    std::map<Partition, std::size_t> next_;    // Of the assigned partitions.
    std::map<std::string, std::size_t> ends_;  // Of topics, when the tail began.
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
    for (auto& [name, group] : state_->groups) group.committed.clear();
    ++state_->wipes;
}

std::vector<std::string> MemoryBroker::values(const std::string& topic) const {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::string> values;
    const auto found = state_->topics.find(topic);
    if (found == state_->topics.end()) return values;
    for (const auto& entry : found->second.log) values.push_back(entry.value);
    return values;
}

bool MemoryBroker::has_topic(const std::string& topic) const {
    const std::lock_guard lock(state_->mutex);
    return state_->topics.contains(topic);
}

Status MemoryBroker::ensure_topics(const std::vector<broker::TopicSpec>& topics, milliseconds) {
    const std::lock_guard lock(state_->mutex);
    if (state_->away) return Error{ErrorCode::kUnavailable, "The broker is away."};
    for (const auto& topic : topics) {
        state_->topics.try_emplace(topic.name, Topic{.partitions = topic.partitions, .log = {}});
    }
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
