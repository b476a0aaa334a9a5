#include "tests/simulation/conveyor.h"

#include <algorithm>
#include <utility>

namespace millrace::simulation {

void Conveyor::wipe() {
    world_.say("conveyor", "forgets everything");
    topics_.clear();
    ++changes_;
}

void Conveyor::make(const broker::TopicSpec& spec) {
    auto& topic = topics_[spec.name];
    if (topic.empty()) topic.resize(static_cast<std::size_t>(spec.partitions));
}

std::size_t Conveyor::publish(const std::vector<broker::OutgoingMessage>& messages) {
    std::size_t taken = 0;
    for (const auto& message : messages) {
        if (world_.chance(weather_.refused)) break;
        ++taken;
        if (weather_.away || world_.chance(weather_.lost)) continue;
        const bool late = world_.chance(weather_.late);
        const auto most = late ? microseconds(seconds(5)) : milliseconds(3);
        append_after(world_.between(microseconds(100), most), message);
        if (world_.chance(weather_.repeated)) {
            append_after(world_.between(microseconds(100), seconds(5)), message);
        }
    }
    return taken;
}

void Conveyor::append_after(microseconds delay, const broker::OutgoingMessage& message) {
    world_.after(delay, [this, message] { append(message); });
}

void Conveyor::append(const broker::OutgoingMessage& message) {
    const auto topic = topics_.find(message.topic);
    if (weather_.away || topic == topics_.end()) return;
    const auto partition = world_.random().below(topic->second.size());
    topic->second[partition].log.push_back(message.value);
}

class Client::Producer : public broker::Publisher {
 public:
    Producer(Conveyor& conveyor, Process& process) : conveyor_(conveyor), process_(process) {}

    std::size_t publish(const std::vector<broker::OutgoingMessage>& messages) override {
        return process_.is_alive() ? conveyor_.publish(messages) : 0;
    }
    void flush(milliseconds) override {}

 private:
    Conveyor& conveyor_;
    Process& process_;
};

// A consumer without a group reads every partition, from the end.
class Client::Consumer : public broker::Subscriber {
 public:
    Consumer(Conveyor& conveyor, Process& process, std::string group,
             std::vector<std::string> topics)
        : conveyor_(conveyor),
          process_(process),
          group_(std::move(group)),
          topics_(std::move(topics)) {
        if (!group_.empty()) {
            conveyor_.groups_[group_].push_back(this);
            ++conveyor_.changes_;
        }
        for (const auto& [topic, partitions] : conveyor_.topics_) {
            for (std::size_t i = 0; i < partitions.size(); ++i) {
                const auto end = partitions[i].log.size();
                if (group_.empty()) next_[{topic, i}] = static_cast<std::int64_t>(end);
            }
        }
        changes_ = conveyor_.changes_;
    }
    ~Consumer() override { close(); }

    std::vector<broker::IncomingMessage> poll(std::size_t max, milliseconds) override {
        std::vector<broker::IncomingMessage> messages;
        if (conveyor_.is_away() || closed_ || !process_.is_alive()) return messages;
        if (std::exchange(changes_, conveyor_.changes_) != conveyor_.changes_) forget();
        for (const auto& name : topics_) {
            const auto topic = conveyor_.topics_.find(name);
            if (topic == conveyor_.topics_.end() || paused_.contains(name)) continue;
            for (std::size_t i = 0; i < topic->second.size(); ++i) {
                if (is_mine(i)) take(name, i, topic->second[i], max, messages);
            }
        }
        return messages;
    }

    void done(const std::string& name, std::int32_t number, std::int64_t offset) override {
        const auto topic = conveyor_.topics_.find(name);
        const auto index = static_cast<std::size_t>(number);
        if (!process_.is_alive() || topic == conveyor_.topics_.end() || !is_mine(index)) return;
        topic->second[index].committed[group_] = offset + 1;
    }

    void pause(const std::string& topic) override { paused_.insert(topic); }
    void resume(const std::string& topic) override { paused_.erase(topic); }

    void close() override {
        if (std::exchange(closed_, true) || group_.empty()) return;
        std::erase(conveyor_.groups_[group_], this);
        ++conveyor_.changes_;
    }

 private:
    // Called after a rebalance or a wipe.
    void forget() {
        if (group_.empty()) {
            std::erase_if(next_, [this](const auto& entry) {
                return !conveyor_.topics_.contains(entry.first.first);
            });
        } else {
            next_.clear();
        }
    }

    bool is_mine(std::size_t partition) const {
        if (group_.empty()) return true;
        const auto& members = conveyor_.groups_[group_];
        return !members.empty() && members[partition % members.size()] == this;
    }

    void take(const std::string& topic, std::size_t index, Conveyor::Partition& partition,
              std::size_t max, std::vector<broker::IncomingMessage>& messages) {
        const auto start = group_.empty() ? 0 : partition.committed[group_];
        auto& next = next_.try_emplace({topic, index}, start).first->second;
        const auto end = static_cast<std::int64_t>(partition.log.size());
        if (next > end) next = 0;  // The log was wiped.
        for (; next < end && messages.size() < max; ++next) {
            messages.push_back({topic, static_cast<std::int32_t>(index), next,
                                partition.log[static_cast<std::size_t>(next)]});
        }
    }

    Conveyor& conveyor_;
    Process& process_;
    const std::string group_;  // Empty: none.
    const std::vector<std::string> topics_;
    std::map<std::pair<std::string, std::size_t>, std::int64_t> next_;
    std::set<std::string> paused_;
    int changes_ = 0;
    bool closed_ = false;
};

Status Client::ensure_topics(const std::vector<broker::TopicSpec>& topics, milliseconds) {
    if (conveyor_.is_away() || !process_.is_alive()) {
        return Error{ErrorCode::kUnavailable, "The broker is away."};
    }
    for (const auto& topic : topics) conveyor_.make(topic);
    return ok();
}

std::unique_ptr<broker::Publisher> Client::make_publisher() {
    return std::make_unique<Producer>(conveyor_, process_);
}

std::unique_ptr<broker::Subscriber> Client::subscribe(const std::string& group,
                                                      const std::vector<std::string>& topics) {
    return std::make_unique<Consumer>(conveyor_, process_, group, topics);
}

std::unique_ptr<broker::Subscriber> Client::tail(const std::vector<std::string>& topics) {
    return std::make_unique<Consumer>(conveyor_, process_, "", topics);
}

}  // namespace millrace::simulation
