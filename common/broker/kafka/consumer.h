// A consumer of librdkafka: messages, offsets, and pauses that survive rebalances. What it reads is
// decided by its owner, by subscribe() or assign(). Internal to the module.
//
// Threads:   one caller at a time, but for leave().
// Blocks:    poll() up to its timeout; the destructor without bound: see destroy_within.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/assignment.h"
#include "common/broker/kafka/handle.h"

namespace millrace::broker {

class Consumer {
 public:
    // The errors of Handle::make.
    static Result<std::unique_ptr<Consumer>> make(const Properties& properties,
                                                  const Properties& extra);
    // Leaves the group, commits what is done, and gives everything back.
    ~Consumer();

    // Joins the group and shares the topics; missing ones are read once they exist.
    void subscribe(const std::vector<std::string>& topics);
    // Reads these too, from `offset` on: RD_KAFKA_OFFSET_BEGINNING or _END.
    void assign(const std::vector<TopicPartition>& partitions, std::int64_t offset);

    std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout);
    void done(const TopicPartition& partition, std::int64_t offset);
    void pause(const std::string& topic) { apply(assignment_.pause(topic)); }
    void resume(const std::string& topic) { apply(assignment_.resume(topic)); }

    // Starts to leave the group; poll() or the destructor completes it. Idempotent.
    void leave();

    const Handle& handle() const { return *handle_; }

 private:
    Consumer() = default;

    void rebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions);
    void apply(const Assignment::Orders& orders);
    void report(rd_kafka_resp_err_t error, const char* text);

    Assignment assignment_;
    std::unique_ptr<Handle> handle_;
};

// Destroys it on a thread of its own. False when that takes longer than `deadline`: the consumer is
// then left behind with its threads, because the destructor of librdkafka 2.0.2 may never return.
bool destroy_within(std::unique_ptr<Consumer> consumer, milliseconds deadline);

}  // namespace millrace::broker
