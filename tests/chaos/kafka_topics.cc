#include "tests/chaos/kafka_topics.h"

#include <array>
#include <stdexcept>
#include <vector>

#include "common/base/random.h"
#include "common/base/uuid.h"
#include "common/broker/kafka/handle.h"
#include "common/broker/kafka/kafka_broker.h"
#include "common/wire/messages.h"

namespace millrace::chaos {
namespace {

constexpr milliseconds kTopicPatience{30'000};

struct DestroyTopic {
    void operator()(rd_kafka_DeleteTopic_t* topic) const { rd_kafka_DeleteTopic_destroy(topic); }
};

}  // namespace

void delete_topic(const std::string& bootstrap, const std::string& topic) {
    const auto client =
        broker::kafka::Handle::make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", bootstrap}}, {}, {})
            .value();
    const broker::kafka::Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client.get()));
    const std::unique_ptr<rd_kafka_DeleteTopic_t, DestroyTopic> wanted(
        rd_kafka_DeleteTopic_new(topic.c_str()));
    std::array<rd_kafka_DeleteTopic_t*, 1> topics{wanted.get()};
    rd_kafka_DeleteTopics(client.get(), topics.data(), topics.size(), nullptr, queue.get());
    const broker::kafka::Owned<rd_kafka_event_t> event(
        rd_kafka_queue_poll(queue.get(), broker::kafka::to_timeout(kTopicPatience)));
    if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error("Kafka does not delete the topic " + topic);
    }
}

void refill_topic(const std::string& bootstrap, const std::string& topic, int partitions,
                  int messages) {
    const auto kafka = broker::kafka::make_kafka_broker({.bootstrap = bootstrap}).value();
    kafka->ensure_topics({{topic, partitions}}, kTopicPatience).value();
    const auto publisher = kafka->make_publisher();
    UuidGenerator ids(system_random());
    std::vector<broker::OutgoingMessage> filling;
    for (int i = 0; i < messages; ++i) {
        const JobId nobody(ids.next(milliseconds(i + 1)));
        filling.push_back({topic, {}, wire::encode(wire::Dispatch{nobody, {}})});
    }
    static_cast<void>(publisher->publish(filling));
    publisher->flush(kTopicPatience);
}

}  // namespace millrace::chaos
