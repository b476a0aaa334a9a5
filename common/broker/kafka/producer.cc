#include "common/broker/kafka/producer.h"

#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::broker {

using telemetry::Metric;

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
    serve();
    const std::string* name = nullptr;
    rd_kafka_topic_t* target = nullptr;
    std::size_t taken = 0;
    for (const auto& message : messages) {
        if (name == nullptr || *name != message.topic) {
            name = &message.topic;
            target = topic(message.topic);
        }
        // The flag promises not to touch the value, which C cannot say in the type.
        auto* value = const_cast<char*>(message.value.data());
        const int result = rd_kafka_produce(
            target, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, message.value.size(),
            message.key.empty() ? nullptr : message.key.data(), message.key.size(), nullptr);
        if (result != 0) {
            const auto error = rd_kafka_last_error();
            if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) break;
            // Too large, or a topic that does not exist: trying again would not help.
            undelivered(message.topic, error);
        }
        ++taken;
    }
    return taken;
}

void Producer::flush(milliseconds timeout) {
    rd_kafka_flush(handle_->get(), to_timeout(timeout));
}

rd_kafka_topic_t* Producer::topic(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& known = topics_[name];
    if (!known) known.reset(rd_kafka_topic_new(handle_->get(), name.c_str(), nullptr));
    return known.get();
}

void Producer::serve() {
    rd_kafka_poll(handle_->get(), 0);
}

void Producer::undelivered(const std::string& topic, rd_kafka_resp_err_t error) {
    telemetry::count<Metric::kPublishFailures>(1, Topics::channel(topic));
    handle_->reporter().report(LogLevel::kWarning, rd_kafka_err2name(error),
                               "a message to " + topic + " was given up");
}

}  // namespace millrace::broker
