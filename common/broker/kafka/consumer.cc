#include "common/broker/kafka/consumer.h"

#include <algorithm>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::broker::kafka {

using telemetry::Metric;

namespace {

// How long the end of a consumer waits for its partitions to be revoked in good order.
constexpr milliseconds kRevocationMax{1'000};
constexpr milliseconds kRevocationPoll{20};
// How often a consumer that has to be assigned before it may end looks whether it was.
constexpr milliseconds kAssignmentPoll{100};

// Messages from one topic before it is the next topic's turn.
constexpr std::size_t kTurn = 64;
// The most errors that one poll reports.
constexpr int kErrorsMax = 100;

void ring(rd_kafka_t*, void* doorbell) {
    static_cast<Doorbell*>(doorbell)->ring();
}

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::make(const Properties& properties,
                                                 const Properties& extra,
                                                 const std::vector<std::string>& topics) {
    std::unique_ptr<Consumer> consumer(new Consumer());
    Callbacks callbacks;
    callbacks.on_rebalance = [self = consumer.get()](rd_kafka_resp_err_t error,
                                                     const auto& partitions) {
        self->rebalance(error, partitions);
    };
    TRY(auto handle, Handle::make(RD_KAFKA_CONSUMER, properties, extra, std::move(callbacks)));
    consumer->handle_ = std::make_unique<Handle>(std::move(handle));
    auto* client = consumer->handle_->get();
    rd_kafka_poll_set_consumer(client);
    consumer->events_.reset(rd_kafka_queue_get_consumer(client));
    rd_kafka_queue_cb_event_enable(consumer->events_.get(), &ring, &consumer->doorbell_);
    for (const auto& topic : topics) {
        Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
        rd_kafka_queue_cb_event_enable(queue.get(), &ring, &consumer->doorbell_);
        consumer->queues_.push_back({.topic = topic, .queue = std::move(queue)});
    }
    return consumer;
}

Consumer::~Consumer() {
    if (!handle_) return;
    leave();
    if (is_half_joined()) {
        subscribe();
        while (!was_assigned_) poll(1, kAssignmentPoll);
        leave();
    }
    // First the partitions, then the consumer: closing a member that still has some can hang.
    const auto deadline = system_clock().now() + kRevocationMax;
    while (assigned_ > 0 && system_clock().now() < deadline) poll(1, kRevocationPoll);
    rd_kafka_consumer_close(handle_->get());
}

void Consumer::subscribe() {
    const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(queues_.size())));
    for (const auto& queue : queues_) {
        rd_kafka_topic_partition_list_add(list.get(), queue.topic.c_str(), RD_KAFKA_PARTITION_UA);
    }
    const auto error = rd_kafka_subscribe(handle_->get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) report(error, "cannot subscribe");
}

void Consumer::assign(const std::string& topic, const std::vector<std::int32_t>& partitions,
                      std::int64_t offset) {
    const PartitionList list(
        rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto partition : partitions) {
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    }
    route(*list);
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_assign(handle_->get(), list.get()));
    if (error) report(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
}

std::vector<IncomingMessage> Consumer::poll(std::size_t max, milliseconds timeout) {
    std::vector<IncomingMessage> messages;
    const auto deadline = system_clock().now() + timeout;
    do {
        serve();
        take(messages, max);
    } while (messages.empty() && doorbell_.wait(deadline));
    return messages;
}

// Rebalances happen inside this call.
void Consumer::serve() {
    for (int i = 0; i < kErrorsMax; ++i) {
        const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(handle_->get(), 0));
        if (!message) return;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            report(message->err, rd_kafka_message_errstr(message.get()));
        }
    }
}

void Consumer::take(std::vector<IncomingMessage>& messages, std::size_t max) {
    bool more = true;
    while (more && messages.size() < max) {
        more = false;
        for (auto& queue : queues_) {
            if (!queue.paused && messages.size() < max) {
                more |= take_turn(queue, messages, std::min(max, messages.size() + kTurn));
            }
        }
    }
}

// Returns false if the queue is empty.
bool Consumer::take_turn(TopicQueue& from, std::vector<IncomingMessage>& messages,
                         std::size_t max) {
    int errors = 0;
    while (messages.size() < max && errors < kErrorsMax) {
        const Owned<rd_kafka_message_t> message(rd_kafka_consume_queue(from.queue.get(), 0));
        if (!message) return false;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            report(message->err, rd_kafka_message_errstr(message.get()));
            ++errors;
            continue;
        }
        messages.push_back({from.topic,
                            message->partition,
                            message->offset,
                            {static_cast<const char*>(message->payload), message->len}});
    }
    return true;
}

void Consumer::done(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    const PartitionList list(rd_kafka_topic_partition_list_new(1));
    // The stored offset is that of the next message to read.
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset + 1;
    // An error means that the partition is not assigned here: then another member commits it.
    rd_kafka_offsets_store(handle_->get(), list.get());
}

void Consumer::set_paused(const std::string& topic, bool paused) {
    if (auto* queue = find(topic)) queue->paused = paused;
}

void Consumer::leave() {
    rd_kafka_unsubscribe(handle_->get());
}

// librdkafka 2.0.2 aborts the process if such a consumer is destroyed (its issues 4312 and 4381,
// mended in 2.3.0). One that has left the group cannot become half joined any more.
bool Consumer::is_half_joined() const {
    const auto* protocol = rd_kafka_rebalance_protocol(handle_->get());
    const bool has_joined = protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
    return has_joined && !was_assigned_;
}

Consumer::TopicQueue* Consumer::find(const std::string& topic) {
    const auto found = std::find_if(queues_.begin(), queues_.end(),
                                    [&](const auto& queue) { return queue.topic == topic; });
    return found == queues_.end() ? nullptr : &*found;
}

// Must run before the partitions are assigned: messages fetched earlier would go to the common
// queue.
void Consumer::route(const rd_kafka_topic_partition_list_t& partitions) {
    for (int i = 0; i < partitions.cnt; ++i) {
        const auto& partition = partitions.elems[i];
        const Owned<rd_kafka_queue_t> queue(
            rd_kafka_queue_get_partition(handle_->get(), partition.topic, partition.partition));
        const auto* target = find(partition.topic);
        if (queue && target != nullptr) rd_kafka_queue_forward(queue.get(), target->queue.get());
    }
}

void Consumer::rebalance(rd_kafka_resp_err_t error,
                         const rd_kafka_topic_partition_list_t& partitions) {
    telemetry::count<Metric::kRebalances>();
    Owned<rd_kafka_error_t> refused;
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        route(partitions);
        refused.reset(rd_kafka_incremental_assign(handle_->get(), &partitions));
        assigned_ += partitions.cnt;
        was_assigned_ = true;
    } else {
        refused.reset(rd_kafka_incremental_unassign(handle_->get(), &partitions));
        assigned_ -= partitions.cnt;
    }
    if (refused) report(rd_kafka_error_code(refused.get()), rd_kafka_error_string(refused.get()));
    log_info("partitions changed", {{"reason", rd_kafka_err2name(error)},
                                    {"changed", partitions.cnt},
                                    {"assigned", assigned_}});
}

void Consumer::report(rd_kafka_resp_err_t error, const char* text) {
    telemetry::count<Metric::kBrokerErrors>();
    handle_->reporter().report(LogLevel::kWarning, rd_kafka_err2name(error), text);
}

bool destroy_within(std::unique_ptr<Consumer> consumer, milliseconds deadline) {
    std::promise<void> destroyed;
    auto result = destroyed.get_future();
    // Detached on purpose; a runtime::Thread would wait for it.
    std::thread([consumer = std::move(consumer), destroyed = std::move(destroyed)]() mutable {
        consumer.reset();
        destroyed.set_value();
    }).detach();
    return result.wait_for(deadline) == std::future_status::ready;
}

}  // namespace millrace::broker::kafka
