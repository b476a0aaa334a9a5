#include "common/broker/kafka/kafka_broker.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/broker/kafka/producer.h"
#include "common/broker/kafka/subscribers.h"
#include "common/broker/kafka/topics.h"

namespace millrace::broker::kafka {
namespace {

class KafkaPublisher final : public Publisher {
 public:
    explicit KafkaPublisher(std::shared_ptr<Producer> producer) : producer_(std::move(producer)) {}

    std::size_t publish(const std::vector<OutgoingMessage>& messages) override {
        return producer_->publish(messages);
    }
    void flush(milliseconds timeout) override { producer_->flush(timeout); }

 private:
    const std::shared_ptr<Producer> producer_;
};

class KafkaBroker final : public Broker {
 public:
    KafkaBroker(KafkaOptions options, Properties extra, std::shared_ptr<Producer> producer)
        : options_(std::move(options)), extra_(std::move(extra)), producer_(std::move(producer)) {}

    Status ensure_topics(const std::vector<TopicSpec>& topics, milliseconds timeout) override {
        return kafka::ensure_topics(*producer_, topics, options_.replication_factor, timeout);
    }

    std::unique_ptr<Publisher> make_publisher() override {
        return std::make_unique<KafkaPublisher>(producer_);
    }

    std::unique_ptr<Subscriber> subscribe(const std::string& group,
                                          const std::vector<std::string>& topics) override {
        return std::make_unique<GroupSubscriber>(
            make_consumer(group_properties(options_, group), topics));
    }

    std::unique_ptr<Subscriber> tail(const std::vector<std::string>& topics) override {
        return std::make_unique<TailSubscriber>(make_consumer(tail_properties(options_), topics),
                                                topics);
    }

 private:
    // make_kafka_broker has made a consumer with the same properties before, so only memory or
    // threads can still be missing.
    std::unique_ptr<Consumer> make_consumer(const Properties& properties,
                                            const std::vector<std::string>& topics) const {
        auto consumer = Consumer::make(properties, extra_, topics);
        if (!consumer) {
            log_error("cannot make a Kafka consumer; the program stops",
                      {{"error", consumer.error().message}});
        }
        CHECK(consumer.has_value());
        return *std::move(consumer);
    }

    const KafkaOptions options_;
    const Properties extra_;
    const std::shared_ptr<Producer> producer_;
};

}  // namespace

Result<std::unique_ptr<Broker>> make_kafka_broker(KafkaOptions options) {
    TRY(auto extra, extra_properties(options));
    TRY(auto producer, Producer::make(producer_properties(options), extra));
    // Checked here, because subscribe() returns no error.
    TRY_STATUS(Handle::make(RD_KAFKA_CONSUMER, group_properties(options, "none"), extra, {}));
    return std::unique_ptr<Broker>(
        std::make_unique<KafkaBroker>(std::move(options), std::move(extra), std::move(producer)));
}

}  // namespace millrace::broker::kafka
