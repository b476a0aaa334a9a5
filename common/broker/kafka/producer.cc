#include "common/broker/kafka/producer.h"

#include <utility>

#include "common/base/check.h"
#include "common/telemetry/telemetry.h"

namespace millrace::broker::kafka {

using telemetry::Metric;

namespace {

// The library's partitioner: by key, or by the slot that produce() passes. Called when the topic's
// partitions are known; if that is later, on one of the library's threads.
std::int32_t place(const rd_kafka_topic_t* topic, const void* key, std::size_t key_size,
                   std::int32_t partitions, void*, void* slot) {
    if (key != nullptr) {
        return rd_kafka_msg_partitioner_consistent(topic, key, key_size, partitions, nullptr,
                                                   nullptr);
    }
    const auto count = static_cast<std::uintptr_t>(partitions);
    const auto first = reinterpret_cast<std::uintptr_t>(slot) % count;
    for (std::uintptr_t i = 0; i < count; ++i) {
        const auto partition = static_cast<std::int32_t>((first + i) % count);
        if (rd_kafka_topic_partition_available(topic, partition) != 0) return partition;
    }
    return static_cast<std::int32_t>(first);
}

rd_kafka_resp_err_t produce(rd_kafka_topic_t* topic, const OutgoingMessage& message,
                            std::uint32_t slot) {
    // The flag promises that the value is not modified, which the C type cannot express.
    auto* value = const_cast<char*>(message.value.data());
    const int result = rd_kafka_produce(
        topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, message.value.size(),
        message.key.empty() ? nullptr : message.key.data(), message.key.size(),
        reinterpret_cast<void*>(static_cast<std::uintptr_t>(slot)));
    return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

}  // namespace

Result<std::shared_ptr<Producer>> Producer::make(const Properties& properties,
                                                 const Properties& extra) {
    std::shared_ptr<Producer> producer(new Producer());
    Callbacks callbacks;
    callbacks.on_undelivered = [self = producer.get()](const rd_kafka_message_t& message) {
        self->undelivered(rd_kafka_topic_name(message.rkt), message.err);
    };
    TRY(auto handle, Handle::make(RD_KAFKA_PRODUCER, properties, extra, std::move(callbacks)));
    producer->handle_ = std::make_unique<Handle>(std::move(handle));
    return producer;
}

std::size_t Producer::publish(const std::vector<OutgoingMessage>& messages) {
    // Runs the pending callbacks.
    rd_kafka_poll(handle_->get(), 0);
    const auto now = system_clock().now();
    const MutexLock lock(mutex_);
    ++batch_;
    std::size_t taken = 0;
    for (const auto& message : messages) {
        auto& topic = topic_locked(message.topic);
        if (std::exchange(topic.batch, batch_) != batch_) topic.spread.begin_batch(now);
        const auto error = produce(topic.handle.get(), message, topic.spread.next());
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) break;
        // The message is too large or its topic does not exist: another try would not help.
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) undelivered(message.topic, error);
        ++taken;
    }
    return taken;
}

void Producer::flush(milliseconds timeout) {
    rd_kafka_flush(handle_->get(), to_timeout(timeout));
}

rd_kafka_topic_t* Producer::topic(const std::string& name) {
    const MutexLock lock(mutex_);
    return topic_locked(name).handle.get();
}

Producer::Topic& Producer::topic_locked(const std::string& name) {
    auto& topic = topics_[name];
    if (!topic.handle) {
        auto* conf = rd_kafka_default_topic_conf_dup(handle_->get());
        rd_kafka_topic_conf_set_partitioner_cb(conf, &place);
        topic.handle.reset(rd_kafka_topic_new(handle_->get(), name.c_str(), conf));
        CHECK(topic.handle != nullptr);
    }
    return topic;
}

void Producer::undelivered(const std::string& topic, rd_kafka_resp_err_t error) {
    telemetry::count<Metric::kPublishFailures>(1, Topics::channel(topic));
    handle_->reporter().report(LogLevel::kWarning, rd_kafka_err2name(error),
                               "a message to " + topic + " was not delivered");
}

}  // namespace millrace::broker::kafka
