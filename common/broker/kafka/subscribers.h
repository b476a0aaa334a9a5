// The two kinds of Subscriber: a member of a group, and a reader of everything from now on.
// Internal to the module.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/broker/broker.h"
#include "common/broker/kafka/consumer.h"

namespace millrace::broker::kafka {

// The common part: owns a consumer and destroys it within a bounded time.
class KafkaSubscriber : public Subscriber {
 public:
    explicit KafkaSubscriber(std::unique_ptr<Consumer> consumer);
    ~KafkaSubscriber() override;

    KafkaSubscriber(const KafkaSubscriber&) = delete;
    KafkaSubscriber& operator=(const KafkaSubscriber&) = delete;

    void pause(const std::string& topic) override { consumer_->set_paused(topic, true); }
    void resume(const std::string& topic) override { consumer_->set_paused(topic, false); }
    void close() override { consumer_->leave(); }

 protected:
    Consumer& consumer() { return *consumer_; }

 private:
    std::unique_ptr<Consumer> consumer_;
};

class GroupSubscriber final : public KafkaSubscriber {
 public:
    explicit GroupSubscriber(std::unique_ptr<Consumer> consumer);

    std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout) override {
        return consumer().poll(max, timeout);
    }
    void done(const std::string& topic, std::int32_t partition, std::int64_t offset) override {
        consumer().done(topic, partition, offset);
    }
};

// Finds the topics' partitions by looking them up at intervals, within poll().
class TailSubscriber final : public KafkaSubscriber {
 public:
    TailSubscriber(std::unique_ptr<Consumer> consumer, const std::vector<std::string>& topics);

    std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout) override;
    void done(const std::string&, std::int32_t, std::int64_t) override {}

 private:
    struct Topic {
        std::string name;
        Owned<rd_kafka_topic_t> handle;
        // Whether it was looked up before: a partition that appears later is read from its start.
        bool looked_up = false;
        std::int32_t partitions = 0;  // The number of partitions that are read.
    };

    void discover(MonoTime deadline);
    bool discover(Topic& topic, MonoTime deadline);

    std::vector<Topic> topics_;  // Destroyed before the consumer, as the library requires.
    MonoTime next_discovery_ = MonoTime::min();
};

}  // namespace millrace::broker::kafka
