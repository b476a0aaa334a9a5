#include "common/broker/kafka/consumer.h"

#include <future>
#include <thread>
#include <utility>

#include "common/telemetry/telemetry.h"

namespace millrace::broker {

using telemetry::Metric;

namespace {

// How long a consumer that ends waits for its partitions to be taken from it in good order.
constexpr milliseconds kRevocationMax{1'000};
constexpr milliseconds kRevocationPoll{20};

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::make(const Properties& properties,
                                                 const Properties& extra) {
    std::unique_ptr<Consumer> consumer(new Consumer());
    Callbacks callbacks;
    callbacks.on_rebalance = [self = consumer.get()](rd_kafka_resp_err_t error,
                                                     const auto& partitions) {
        self->rebalance(error, partitions);
    };
    TRY(auto handle, Handle::make(RD_KAFKA_CONSUMER, properties, extra, std::move(callbacks)));
    consumer->handle_ = std::make_unique<Handle>(std::move(handle));
    rd_kafka_poll_set_consumer(consumer->handle_->get());
    return consumer;
}

Consumer::~Consumer() {
    if (!handle_) return;
    leave();
    // In this order, because closing a member that still has partitions hangs in some states.
    const auto deadline = system_clock().now() + kRevocationMax;
    while (!assignment_.partitions().empty() && system_clock().now() < deadline) {
        poll(1, kRevocationPoll);
    }
    rd_kafka_consumer_close(handle_->get());
}

void Consumer::subscribe(const std::vector<std::string>& topics) {
    std::vector<TopicPartition> any_partition;
    for (const auto& topic : topics) any_partition.push_back({topic, RD_KAFKA_PARTITION_UA});
    const auto error = rd_kafka_subscribe(handle_->get(), to_list(any_partition).get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) report(error, "cannot subscribe");
}

void Consumer::assign(const std::vector<TopicPartition>& partitions, std::int64_t offset) {
    const auto list = to_list(partitions);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = offset;
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_assign(handle_->get(), list.get()));
    if (error) report(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
    apply(assignment_.add(partitions));
}

std::vector<IncomingMessage> Consumer::poll(std::size_t max, milliseconds timeout) {
    std::vector<IncomingMessage> messages;
    const auto deadline = system_clock().now() + timeout;
    auto wait = timeout;
    while (messages.size() < max) {
        const Owned<rd_kafka_message_t> message(
            rd_kafka_consumer_poll(handle_->get(), to_timeout(wait)));
        if (!message) break;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            messages.push_back({rd_kafka_topic_name(message->rkt),
                                message->partition,
                                message->offset,
                                {static_cast<const char*>(message->payload), message->len}});
            wait = milliseconds(0);
            continue;
        }
        report(message->err, rd_kafka_message_errstr(message.get()));
        if (messages.empty()) {
            wait = std::chrono::duration_cast<milliseconds>(deadline - system_clock().now());
        }
    }
    return messages;
}

void Consumer::done(const TopicPartition& partition, std::int64_t offset) {
    const auto list = to_list({partition});
    list->elems[0].offset = offset + 1;  // What to read next.
    // An error says that the partition is not assigned: then it is another's to commit.
    rd_kafka_offsets_store(handle_->get(), list.get());
}

void Consumer::leave() {
    rd_kafka_unsubscribe(handle_->get());
}

void Consumer::rebalance(rd_kafka_resp_err_t error,
                         const rd_kafka_topic_partition_list_t& partitions) {
    telemetry::count<Metric::kRebalances>();
    const auto changed = from_list(partitions);
    Owned<rd_kafka_error_t> refused;
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        refused.reset(rd_kafka_incremental_assign(handle_->get(), &partitions));
        apply(assignment_.add(changed));
    } else {
        refused.reset(rd_kafka_incremental_unassign(handle_->get(), &partitions));
        assignment_.remove(changed);
    }
    if (refused) report(rd_kafka_error_code(refused.get()), rd_kafka_error_string(refused.get()));
    log_info("partitions changed", {{"reason", rd_kafka_err2name(error)},
                                    {"changed", changed.size()},
                                    {"assigned", assignment_.partitions().size()}});
}

void Consumer::apply(const Assignment::Orders& orders) {
    if (!orders.pause.empty()) {
        rd_kafka_pause_partitions(handle_->get(), to_list(orders.pause).get());
    }
    if (!orders.resume.empty()) {
        rd_kafka_resume_partitions(handle_->get(), to_list(orders.resume).get());
    }
}

void Consumer::report(rd_kafka_resp_err_t error, const char* text) {
    telemetry::count<Metric::kBrokerErrors>();
    handle_->reporter().report(LogLevel::kWarning, rd_kafka_err2name(error), text);
}

bool destroy_within(std::unique_ptr<Consumer> consumer, milliseconds deadline) {
    std::promise<void> destroyed;
    auto result = destroyed.get_future();
    // Detached on purpose, and not a runtime::Thread: that one would wait for it.
    std::thread([consumer = std::move(consumer), destroyed = std::move(destroyed)]() mutable {
        consumer.reset();
        destroyed.set_value();
    }).detach();
    return result.wait_for(deadline) == std::future_status::ready;
}

}  // namespace millrace::broker
