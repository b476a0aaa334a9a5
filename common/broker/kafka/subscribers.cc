#include "common/broker/kafka/subscribers.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace millrace::broker::kafka {
namespace {

constexpr milliseconds kDestroyMax{4'000};

constexpr milliseconds kDiscoveryMissing{200};     // Until every topic is found.
constexpr milliseconds kDiscoveryComplete{3'000};  // After that, for partitions that are added.
constexpr milliseconds kDiscoveryMax{1'000};       // The limit for one poll.

}  // namespace

KafkaSubscriber::KafkaSubscriber(std::unique_ptr<Consumer> consumer)
    : consumer_(std::move(consumer)) {}

KafkaSubscriber::~KafkaSubscriber() {
    if (!destroy_within(std::move(consumer_), kDestroyMax)) {
        log_warning("a Kafka consumer does not end; its thread is left behind",
                    {{"waited_ms", kDestroyMax.count()}});
    }
}

GroupSubscriber::GroupSubscriber(std::unique_ptr<Consumer> consumer)
    : KafkaSubscriber(std::move(consumer)) {
    this->consumer().subscribe();
}

TailSubscriber::TailSubscriber(std::unique_ptr<Consumer> consumer,
                               const std::vector<std::string>& topics)
    : KafkaSubscriber(std::move(consumer)) {
    auto* client = this->consumer().handle().get();
    for (const auto& name : topics) {
        topics_.push_back(
            {.name = name,
             .handle = Owned<rd_kafka_topic_t>(rd_kafka_topic_new(client, name.c_str(), nullptr))});
    }
}

std::vector<IncomingMessage> TailSubscriber::poll(std::size_t max, milliseconds timeout) {
    const auto now = system_clock().now();
    const auto deadline = now + timeout;
    if (now >= next_discovery_) discover(std::min(deadline, now + kDiscoveryMax));
    return consumer().poll(max, std::max(until(deadline), milliseconds(0)));
}

void TailSubscriber::discover(MonoTime deadline) {
    bool complete = true;
    // Looks up all of them: a missing topic does not hold up those behind it.
    for (auto& topic : topics_) complete = discover(topic, deadline) && complete;
    next_discovery_ = system_clock().now() + (complete ? kDiscoveryComplete : kDiscoveryMissing);
}

// Returns false if there is no such topic, or no broker answers.
bool TailSubscriber::discover(Topic& topic, MonoTime deadline) {
    const Metadata* answer = nullptr;
    const auto error = rd_kafka_metadata(consumer().handle().get(), 0, topic.handle.get(), &answer,
                                         to_timeout(until(deadline)));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    const Owned<const Metadata> metadata(answer);

    const bool looked_up = std::exchange(topic.looked_up, true);
    std::vector<std::int32_t> added;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        if (topic.name != metadata->topics[i].topic) continue;
        for (auto p = topic.partitions; p < metadata->topics[i].partition_cnt; ++p) {
            added.push_back(p);
        }
    }
    if (!added.empty()) {
        consumer().assign(topic.name, added,
                          looked_up ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END);
        topic.partitions = added.back() + 1;
    }
    return topic.partitions > 0;
}

}  // namespace millrace::broker::kafka
